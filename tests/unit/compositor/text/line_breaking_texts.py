"""Texts in many languages; `⟦…⟧` marks what is kept on one line if the line is wide enough.

The rules are those of UAX #14, the W3C's requirements for Japanese (JLREQ), Chinese (CLREQ), Korean (KLREQ) and Arabic
(ALREQ), and of its layout notes for Thai, Lao, Khmer and Burmese.
"""

TEXTS: tuple[tuple[str, str], ...] = (
    # English
    ("en", "⟦https://shop.example.com/cup-of-calm?utm_source=video⟧ ⟦#CupOfCalm⟧ ⟦@nordlys⟧"),
    ("en", "It costs ⟦$1,234.56⟧ for ⟦100 km⟧ at ⟦25 °C⟧ and saves ⟦10 %⟧ of your time"),
    ("en", "Write to ⟦hello@nordlys.example.org⟧ or see ⟦www.example.org/menu⟧, then come by."),
    ("en", "Coffee ⟦· Tea⟧ ⟦· Cake⟧ ⟦| Juice⟧ ⟦/ Water⟧ ⟦& Milk⟧ every day from ⟦9 am⟧ on"),
    ("en", "⟦Dr. Smith⟧ and ⟦Mrs. Jones⟧ met in ⟦No. 5⟧, ⟦p. 12⟧ of ⟦J. R. R. Tolkien⟧ in hand"),
    ("en", 'She said ⟦"hello⟧ there" and left with ⟦2.5 kg⟧ of apples, and/or pears, for ⟦€5⟧'),
    ("en", "Every ⟦5 million km⟧ the probe sends ⟦64 MB⟧ home at ⟦1.5 Mbit/s⟧ — slow but sure"),
    # German
    ("de", "Das macht ⟦12,50 €⟧ für ⟦250 g⟧ Kaffee, ⟦z. B.⟧ aus Äthiopien, gültig bis ⟦17 Uhr⟧"),
    ("de", "Er sagte ⟦»Hallo«⟧ und ⟦„Tschüss“⟧ zu ⟦Dr. Müller⟧ und ging ⟦300 m⟧ weiter"),
    ("de", "Die Donaudampfschifffahrtsgesellschaft-Flotte fuhr ⟦1 000 000 km⟧ weit"),
    ("de", "⟦Ärzte/Ärztinnen⟧ finden uns unter ⟦https://beispiel.de/praxis⟧ – auch am Abend"),
    ("de", "Laut ⟦§ 5⟧ und ⟦Nr. 12⟧ sind ⟦3 Millionen Euro⟧ in ⟦20 Jahren⟧ vorgesehen"),
    # French
    ("fr", "Il a dit ⟦« bonjour »⟧ ! ⟦Pourquoi ?⟧ ⟦Voilà :⟧ ⟦12 %⟧ de ⟦5 000 €⟧ en ⟦3 jours⟧"),
    ("fr", "Rendez-vous chez ⟦nous ;⟧ entrée à ⟦8 €⟧, dès ⟦18 heures⟧, ⟦@cafe_nord⟧"),
    ("fr", "⟦Mme Dupont⟧ habite à ⟦15 kilomètres⟧ d’ici, près de ⟦l’église⟧ Saint-Martin"),
    ("fr", "Plus d’informations sur ⟦www.exemple.fr/été⟧ ou par courriel ⟦aide@exemple.fr⟧"),
    ("fr", "Le dimanche ⟦| fermé⟧ ⟦| réouverture⟧ lundi à ⟦9 h⟧, sauf le 14 juillet bien sûr"),
    # Spanish
    ("es", "⟦¿Quieres⟧ un café por ⟦3,50 €⟧? ⟦¡Claro⟧ que sí! Está a ⟦200 metros⟧ de aquí"),
    ("es", "Síguenos en ⟦@nordlys_cafe⟧ y usa ⟦#CaféDeLaMañana⟧ durante ⟦24 horas⟧"),
    ("es", "La ⟦Sra. García⟧ compró ⟦2 kg⟧ de naranjas y ⟦10 litros⟧ de aceite en ⟦1998⟧"),
    ("es", "Más en ⟦https://ejemplo.es/carta?mesa=4⟧ antes del domingo por la noche"),
    ("es", "Desayuno ⟦• Comida⟧ ⟦• Cena⟧ con vistas al puerto y ⟦50 %⟧ de descuento"),
    # Russian
    ("ru", "Маяк стоит уже ⟦200 лет⟧, до города ⟦15 км⟧, билет стоит ⟦300 рублей⟧"),
    ("ru", "Подробнее на ⟦https://primer.ru/kafe⟧ или ⟦@nordlys_ru⟧, тел. до ⟦18 часов⟧"),
    ("ru", "Температура упала до ⟦−5 °C⟧, а ветер усилился до ⟦20 м/с⟧ к вечеру"),
    ("ru", "Он сказал: ⟦«Привет»⟧ – и ушёл, не взяв ⟦5 млн⟧ и ⟦3 кг⟧ рыбы с собой"),
    ("ru", "Завтрак ⟦· обед⟧ ⟦· ужин⟧ на берегу моря за ⟦10 минут⟧ до заката солнца"),
    # Arabic
    ("ar", "لا تنسَ متابعة ⟦@nordlys_coffee⟧ على إنستغرام كل يوم قبل الظهر"),
    ("ar", "يبعد الميناء ⟦100 كم⟧ عن المدينة، وتستغرق الرحلة ⟦٣ ساعات⟧ تقريبًا"),
    ("ar", "هل تريد قهوة⟦؟⟧ نعم⟦،⟧ بسعر ⟦5 دولارات⟧ فقط⟦؛⟧ تعال إلى ⟦www.example.com⟧ الآن"),
    ("ar", "وسم اليوم هو ⟦#قهوة_الصباح⟧ شارك صورتك معنا واربح ⟦50%⟧ من ثمن الفنجان"),
    ("ar", "فطور ⟦| غداء⟧ ⟦| عشاء⟧ على شاطئ البحر بدرجة حرارة ⟦25 درجة⟧ مئوية"),
    # Hebrew
    ("he", "הנמל מתעורר לפני השמש, ⟦100 ק״מ⟧ מכאן, והכרטיס עולה ⟦50 ש״ח⟧ בלבד"),
    ("he", "עקבו אחרי ⟦@nordlys_il⟧ ובקרו באתר ⟦https://example.co.il/menu⟧ עוד היום"),
    ("he", "בוקר ⟦· צהריים⟧ ⟦· ערב⟧ על שפת הים במשך ⟦24 שעות⟧ בלי הפסקה"),
    ("he", 'הוא אמר ⟦"שלום"⟧ והלך לדרכו עם ⟦3 דולרים⟧ בכיס ועם חיוך גדול'),
    # Hindi
    ("hi", "बंदरगाह सूरज से पहले जागता ⟦है।⟧ टिकट ⟦50 रुपये⟧ का है, दूरी ⟦15 किमी⟧ है"),
    ("hi", "हमें ⟦@nordlys_hindi⟧ पर फ़ॉलो करें और ⟦https://udaharan.in/menu⟧ देखें"),
    ("hi", "तापमान ⟦25 डिग्री⟧ है और बारिश ⟦10 मिनट⟧ में शुरू ⟦होगी।⟧ छाता साथ रखें"),
    ("hi", "नाश्ता ⟦| दोपहर⟧ का खाना ⟦| रात⟧ का खाना समुद्र के किनारे ⟦200 मीटर⟧ दूर"),
    # Thai
    ("th", "ข้าวซอยชามนี้ราคา ⟦60 บาท⟧ อร่อย⟦มากๆ⟧ เลยนะ!"),
    ("th", "⟦ท่าเรือ⟧ตื่นก่อน⟦พระอาทิตย์⟧ขึ้น ⟦ชาว⟧⟦ประมง⟧ซ่อมแหใต้แสง⟦ตะเกียง⟧"),
    ("th", "⟦ประเทศไทย⟧มีวัด⟦มากกว่า⟧ ⟦40,000 แห่ง⟧ทั่ว⟦ประเทศ⟧ ทั้งเหนือและใต้"),
    ("th", "ติดตามเราที่ ⟦@nordlys_th⟧ หรือ ⟦https://example.co.th/menu⟧ ได้ทุกวัน"),
    ("th", "ระยะทาง ⟦15 กิโลเมตร⟧ ใช้เวลา ⟦20 นาที⟧ จาก⟦กรุงเทพมหานคร⟧ ฯลฯ"),
    # Simplified Chinese
    ("zh-Hans", "⟦渔民们⟧在⟦灯光⟧下⟦修补⟧⟦渔网，⟧⟦讲着⟧⟦流传了⟧⟦两百年⟧的⟦故事。⟧"),
    ("zh-Hans", "⟦列奥纳多·达·芬奇⟧于⟦1503年⟧开始创作⟦《蒙娜丽莎》，⟧高⟦77厘米⟧。"),
    ("zh-Hans", "⟦人工智能⟧正在⟦改变⟧⟦我们的⟧⟦生活⟧方式，上海⟦迪士尼⟧乐园今天⟦开放⟧。"),
    ("zh-Hans", "他说⟦“你好吗”，⟧然后离开了⟦——⟧再也没有⟦回来⟧……"),
    ("zh-Hans", "全长约⟦20公里⟧，需要⟦30分钟⟧，票价⟦50元⟧，请关注⟦@nordlys咖啡⟧。"),
    # Traditional Chinese
    ("zh-Hant", "⟦漁民們⟧在燈光下⟦修補⟧⟦漁網，⟧講著流傳了⟦兩百年⟧的⟦故事。⟧"),
    ("zh-Hant", "「⟦早安」，⟧他說。「⟦咖啡」⟧一杯⟦120元⟧，距離⟦3公里⟧，請見⟦www.example.tw⟧。"),
    ("zh-Hant", "這座⟦燈塔⟧建於⟦1888年⟧，高⟦36公尺⟧，每天吸引⟦500人⟧前來⟦參觀⟧。"),
    ("zh-Hant", "香港的天星小輪由⟦中環⟧開往⟦尖沙咀⟧，航程只需⟦8分鐘⟧！"),
    # Japanese
    ("ja", "⟦一日目。⟧朝いちばんの⟦新幹線⟧⟦「のぞみ」で、⟧⟦雨上がりの⟧⟦京都へ。⟧"),
    ("ja", "⟦二日目は、⟧⟦あいにくの⟧雨。⟦それでも、⟧⟦苔の⟧⟦緑が⟧⟦いっそう⟧深く⟦見えた。⟧"),
    ("ja", "⟦彼は⟧⟦「そうですか」と⟧⟦言って、⟧⟦ニューヨーク行きの⟧⟦飛行機に⟧⟦乗った。⟧"),
    ("ja", "⟦東京スカイツリーの⟧⟦高さは⟧⟦634メートルです。⟧"),
    ("ja", "⟦キャッチャーが⟧⟦ボールを⟧⟦受け取って、⟧⟦ちょっと⟧⟦笑った⟧⟦（笑）。⟧"),
    ("ja", "⟦レオナルド・ダ・ヴィンチは⟧⟦『モナ・リザ』を⟧⟦描いた。⟧"),
    # Korean
    ("ko", "⟦항구는⟧ ⟦태양보다⟧ 먼저 ⟦깨어난다.⟧ ⟦어부들은⟧ 등불 아래에서 ⟦그물을⟧ ⟦손질한다⟧"),
    ("ko", "⟦서울에서⟧ ⟦BTS가⟧ ⟦공연합니다(2026년),⟧ ⟦100 km⟧ 떨어진 곳에서도 들립니다"),
    ("ko", "커피 한 잔에 ⟦5,000원⟧, 역에서 ⟦10분⟧ 거리, ⟦@nordlys_kr⟧ 팔로우하세요"),
    ("ko", "⟦“안녕하세요”라고⟧ 말하고 ⟦https://example.kr/menu⟧ 주소를 알려 주었다"),
    ("ko", "아침 ⟦· 점심⟧ ⟦· 저녁⟧ 바닷가에서 ⟦24시간⟧ 동안 문을 엽니다"),
    # Khmer, Lao, Burmese
    ("km", "⟦កំពង់ផែ⟧⟦ភ្ញាក់⟧⟦មុន⟧⟦ព្រះអាទិត្យ។⟧ ⟦អ្នកនេសាទ⟧⟦ជួសជុល⟧⟦សំណាញ់⟧"),
    ("km", "តម្លៃ ⟦5 ដុល្លារ⟧ ចម្ងាយ ⟦10 គីឡូម៉ែត្រ⟧ ពី⟦ភ្នំពេញ⟧"),
    ("lo", "⟦ທ່າເຮືອ⟧⟦ຕື່ນ⟧⟦ກ່ອນ⟧⟦ດວງອາທິດ⟧ ລາຄາ ⟦50 ກີບ⟧ ໃກ້⟦ວຽງຈັນ⟧"),
    ("lo", "ຕິດຕາມ ⟦@nordlys_la⟧ ທຸກ⟦ມື້⟧ ເວລາ ⟦8 ໂມງ⟧ ໃນ⟦ປະເທດ⟧⟦ລາວ⟧"),
    ("my", "⟦ဆိပ်ကမ်း⟧သည် နေမထွက်မီ နိုးထလာ⟦သည်။⟧ ⟦မြန်မာနိုင်ငံ⟧"),
    ("my", "လက်မှတ် ⟦500 ကျပ်⟧ ဖြစ်ပြီး ⟦@nordlys_mm⟧ တွင် ကြည့်ပါ"),
    # Vietnamese
    ("vi", "Bến cảng thức dậy trước mặt trời, giá vé ⟦50 nghìn đồng⟧, cách đây ⟦15 km⟧"),
    ("vi", "Hãy theo dõi ⟦@nordlys_vn⟧ và xem ⟦https://vidu.vn/thuc-don⟧ mỗi ngày nhé!"),
)
