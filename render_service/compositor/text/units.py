"""Units, currencies and counters that are kept on one line with the number before them."""

_SIGNS = "% ‰ ° °C °F º ℃ ℉ ″ ′ € $ £ ¥ ₽ ₹ ฿ ₫ ㎡ ㎏ ㎞ ㎝ ㎜ ％ 円 元"

_SYMBOLS = """
km m dm cm mm µm μm nm mi mi. yd ft ft. in. m² m³ km² cm² sqm ha l dl cl ml hl gal kg g mg µg μg t lb
lbs oz km/h m/s mph kph kn s sec sec. ms min min. h hr hrs d yr yrs am pm a.m a.m. p.m p.m. o’clock o'clock b
kb mb gb tb pb kib mib gib tib kbit mbit gbit kbit/s mbit/s gbit/s kbps mbps gbps kb/s mb/s gb/s px pt dpi
fps mp w kw mw gw wh kwh mwh gwh twh v kv ma mah hz khz mhz ghz db pa hpa kpa bar psi j kj cal kcal rpm bpm ppm
eur usd gbp chf jpy cny
rmb krw inr rub thb zł kč lei kr kr. sek nok dkk hkd twd brl k bn mio mio. mrd mrd. tsd. tys. tys mln mln. mlrd
"""

_WORDS = """
percent hundred thousand million billion trillion dozen degree degrees meter meters metre metres kilometer
kilometers kilometre kilometres mile miles foot feet inch inches pound pounds euro euros dollar dollars cent
cents hour hours minute minutes second seconds day days week weeks month months year years times gram grams kilo
kilos liter liters litre litres litro litros gramos prozent
hundert tausend millionen milliarde milliarden grad metern kilometern
uhr stunde stunden minuten sekunde sekunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren
stück mille millier milliers millions milliard milliards degré degrés mètre mètres kilomètre kilomètres
heure heures seconde secondes jour jours semaine semaines mois ans fois mil millón millones grado grados
metro metros kilómetro kilómetros hora horas minuto minutos segundo segundos día días semana semanas mes
meses año años veces dólares milhão milhões graus quilômetros quilómetros dia dias mês ano anos reais mila
milione milioni miliardo miliardi gradi metri chilometri ore ora minuti secondi giorno giorni anno anni procent
graden uur dagen weken maanden jaar keer tysiąc tysiące tysięcy milion milionów złotych godzin godziny dni lat
процент процента процентов тыс тысяча тысячи тысяч млн млрд
миллион миллиона миллионов миллиард миллиарда миллиардов
градус градуса градусов метр метра метров километр
километра километров км км/ч м/с м см мм кг г л кв рубль рубля
рублей руб руб. доллар доллара долларов евро час часа часов
минута минуты минут секунда секунды секунд день дня дней
неделя недели недель месяц месяца месяцев год года лет раз
гривень грн كم م سم ملم كغ كجم كيلومتر كيلومترا كيلومترًا كيلومترات متر مترا مترًا أمتار درجة درجات
دولار دولارا دولارًا يورو ريال درهم جنيه ساعة ساعات دقيقة دقائق ثانية يوم يوما يومًا أيام أسبوع أسابيع شهر أشهر
سنة سنوات عام عاما عامًا أعوام ألف آلاف مليون ملايين مليار قدم طن مرة مرات بالمئة بالمائة קמ ק״מ מטר מטרים ס״מ
ק״ג שקל שקלים ש״ח דולר דולרים מעלות שעה שעות דקה דקות יום ימים שנה שנים אחוז אחוזים אלף מיליון प्रतिशत रुपये
रुपए किलोमीटर किमी मीटर किलो ग्राम लीटर घंटे घंटा मिनट सेकंड दिन सप्ताह महीने साल वर्ष डिग्री हज़ार हजार लाख
करोड़ बजे টাকা কিলোমিটার মিটার কেজি ঘণ্টা মিনিট দিন বছর ডিগ্রি হাজার লাখ কোটি கிலோமீட்டர் மீட்டர் கிலோ ரூபாய்
மணி நிமிடங்கள் நாட்கள் ஆண்டுகள் đồng nghìn ngàn triệu tỷ độ mét giờ phút giây ngày tháng năm tuổi người
lần ribu juta miliar rupiah derajat jam menit detik hari minggu bulan tahun orang persen
"""

# Scripts that set no space after a unit: the unit is what the text begins with.
_UNSPACED = """
平方公里 平方千米 平方米 立方米 公里 千米 厘米 毫米 英里 英尺 公斤 千克 毫克 毫升 摄氏度 攝氏度 小时 小時 分钟
分鐘 秒钟 秒鐘 星期 个月 個月 世纪 世紀 美元 欧元 歐元 日元 人民币 人民幣 港元 百分点 平方メートル キロメートル
センチメートル ミリメートル メートル キログラム グラム リットル センチ ミリ キロ トン パーセント ドル ユーロ
か月間 ヶ月間 カ月間 か月 ヶ月 ヵ月 カ月 ケ月 時間 分間 秒間 日間 年間 週間 度目 回目 日目 番目 年代 つ目 人目
年生 时代 年前 年后 年後 天前 天后 多年 余年 周年 年 月 日 号 號 时 時 点 點 分 秒 天 个 個 位 只 隻 条 條 张 張
本 冊 册 次 回 遍 层 層 楼 樓 階 度 倍 元 円 块 塊 毛 人 名 岁 歲 歳 才 件 台 臺 辆 輛 架 艘 棵 朵 头 頭 匹 家
座 所 间 間 段 句 种 種 套 双 雙 对 對 米 里 克 升 吨 噸 周 週 杯 枚 足 軒 章 节 節 页 頁 級 级 届 屆 版 期 票
成 割 話 话 歩 步 番 บาท กิโลเมตร กิโลกรัม กิโล เมตร เซนติเมตร กรัม ลิตร องศาเซลเซียส องศา ชั่วโมง นาที วินาที
วัน เดือน ปี คน แห่ง เปอร์เซ็นต์ ล้านบาท ล้านคน ล้าน แสน หมื่น พัน ดอลลาร์ ครั้ง ตัว ชิ้น រៀល គីឡូម៉ែត្រ
គីឡូក្រាម ម៉ែត្រ ដុល្លារ ឆ្នាំ ថ្ងៃ ម៉ោង នាទី នាក់ ກີບ ກິໂລແມັດ ກິໂລ ແມັດ ປີ ວັນ ໂມງ ຊົ່ວໂມງ ນາທີ ຄົນ ကီလိုမီတာ
ကီလို မီတာ ကျပ် နှစ် ရက် နာရီ မိနစ် ဒေါ်လာ 킬로미터 킬로그램 센티미터 미터 킬로 그램 리터 퍼센트 달러 유로 시간
분 초 개월 주일 일 년 월 시 명 개 번 원 억 만 천 살 세 층 도 배 권 대 장
"""

SIGNS = frozenset(_SIGNS.split())
"""Units that are signs; text may follow at once."""

WORDS = frozenset((*_SYMBOLS.split(), *_WORDS.split()))
"""Units that are words or symbols of letters, in lower case."""

UNSPACED = tuple(sorted(_UNSPACED.split(), key=len, reverse=True))
"""Units of scripts without spaces between words, the longest first."""

CURRENCIES = (
    "US$",
    "R$",
    "C$",
    "A$",
    "NT$",
    "HK$",
    "CHF",
    "EUR",
    "USD",
    "GBP",
    "JPY",
    "Rs.",
    "Rs",
    *"$€£¥￥₹₽₩฿₫₺₴₪₦₱＄",
)
"""Currencies that stand before the number, the longest first."""
