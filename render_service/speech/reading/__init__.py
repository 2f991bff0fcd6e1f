"""How texts are read aloud: numbers, dates, amounts, units and abbreviations in words."""
