"""Phrases of short follow-ups by language, and words of courtesy around them: data only."""

# ruff: noqa: E501, RUF001 - a language's phrases stand together, in its own letters
from __future__ import annotations

from typing import Final

PHRASES: Final = """
en: continue | go on | go ahead | carry on | keep going | proceed | please continue | and then | what next | next | more
en: yes | yes do it | yes do that | yes please do | yep | yeah | yup | sure | sure thing | of course | ok | okay | k | kk
en: do it | do that | do so | let's do it | lets do it | let's go | lets go | sounds good | looks good | lgtm | good | great
en: perfect | nice | cool | awesome | excellent | right | correct | exactly | agreed | fine | thanks | thank you | ty | thx
en: thanks a lot | thank you very much | thanks so much | thank you so much | cheers | no | nope | no thanks | not yet | stop
en: try again | again | retry | once more | one more | the first one | the second one | both | all of them | either
en: yes go ahead | yes continue | yes go on | ok go | ok do it | ok go ahead | ok continue | go for it | make it so | ship it
en: let's do that | that's fine | that works | go ahead with it | go ahead with that | proceed with it | proceed with that
en: approved | confirm | confirmed
de: weiter | mach weiter | mach das | mach es | mach's | mach mal | ja | ja mach das | ja mach | ja genau | genau | klar | okay
de: gerne | ja gerne | ja bitte | in ordnung | passt | gut | sehr gut | super | prima | perfekt | danke | vielen dank | dankeschön
de: danke schön | besten dank | nein | nein danke | nochmal | noch einmal | nächste | und jetzt | fahr fort | bitte fortfahren
de: fortfahren | los | los geht's | einverstanden | stimmt | richtig | beides | beide | leg los | tu das | tu es
de: weitermachen | klingt gut | passt so | so machen
fr: continue | continuez | vas-y | allez-y | oui | oui vas-y | oui fais-le | fais-le | faites-le | d'accord | ok | bien | très bien
fr: parfait | super | merci | merci beaucoup | non | non merci | encore | encore une fois | la suite | et ensuite | poursuis
fr: c'est bon | bien sûr | exactement | les deux | oui continue | ça marche | suivant | génial
fr: fais ça | faites ça | allez | merci bien
es: continúa | continua | sigue | adelante | sí | si | sí hazlo | si hazlo | hazlo | dale | vale | de acuerdo | está bien | esta bien
es: bien | muy bien | perfecto | genial | gracias | muchas gracias | no | no gracias | otra vez | de nuevo | siguiente | claro
es: por supuesto | exacto | ambos | sí continúa | sí adelante | prosigue | los dos | ok
es: continuar | hágalo | siga
pt: continua | continue | segue | siga | vai | vá em frente | pode continuar | sim | sim faz isso | sim faça | faça | faça isso
pt: faz isso | pode ser | está bem | tá bom | ok | beleza | ótimo | perfeito | obrigado | obrigada | muito obrigado
pt: muito obrigada | não | de novo | próximo | claro | isso | exatamente | os dois | valeu | prossiga
pt: pode fazer | pode ir | manda ver
it: continua | vai avanti | avanti | procedi | sì | si | sì fallo | fallo | va bene | d'accordo | ok | bene | perfetto | ottimo
it: grazie | grazie mille | molte grazie | no | no grazie | ancora | di nuovo | prossimo | certo | esatto | entrambi | sì vai
nl: ga door | ga verder | verder | doorgaan | ja | ja doe dat | doe dat | doe maar | oké | ok | goed | prima | perfect | bedankt
nl: ga maar door | dank je | dank je wel | dankjewel | dank u | nee | nee bedankt | opnieuw | nog een keer | volgende | klopt | allebei
pl: kontynuuj | dalej | tak | tak zrób to | zrób to | dobrze | ok | okej | świetnie | super | dziękuję | dzięki | nie | jeszcze raz
pl: następny | jasne | dokładnie | zgoda
pl: zrób tak | rób tak
ru: продолжай | продолжайте | дальше | давай | давай дальше | да | да давай | да сделай | сделай | сделай это | хорошо | ок | окей
ru: отлично | супер | спасибо | большое спасибо | спасибо большое | нет | ещё раз | еще раз | следующий | конечно | верно | точно
ru: оба | поехали | ладно | согласен
ru: делай | делайте | подтверждаю
uk: продовжуй | далі | так | так зроби | зроби це | добре | дякую | дуже дякую | ні | ще раз | звичайно | гаразд
cs: pokračuj | dál | ano | udělej to | dobře | díky | děkuji | ne | znovu | jasně
sv: fortsätt | gå vidare | ja | ja gör det | gör det | okej | bra | perfekt | tack | tack så mycket | nej | igen | nästa
da: fortsæt | ja | gør det | okay | godt | tak | mange tak | nej | igen
no: fortsett | ja | gjør det | greit | bra | takk | tusen takk | nei | igjen
fi: jatka | kyllä | joo | tee se | hyvä | kiitos | kiitos paljon | ei | uudestaan
tr: devam | devam et | evet | evet yap | yap | tamam | olur | güzel | harika | teşekkürler | teşekkür ederim | sağ ol | hayır
tr: tekrar | sonraki | aynen
el: συνέχισε | ναι | κάν' το | εντάξει | ωραία | ευχαριστώ | όχι | ξανά
ro: continuă | da | fă asta | bine | mulțumesc | nu | din nou
hu: folytasd | igen | csináld | rendben | köszönöm | nem | újra
vi: tiếp tục | tiếp đi | vâng | có | được | làm đi | ok | cảm ơn | không | lại đi
id: lanjut | lanjutkan | ya | iya | lakukan | oke | baik | bagus | terima kasih | makasih | tidak | lagi
zh: 继续 | 繼續 | 请继续 | 請繼續 | 接着说 | 接着 | 是 | 是的 | 好 | 好的 | 好吧 | 行 | 可以 | 对 | 對 | 没错 | 嗯 | 做吧 | 开始吧 | 下一个 | 下一步
zh: 谢谢 | 謝謝 | 谢谢你 | 多谢 | 感谢 | 不 | 不用 | 不用了 | 再来一次 | 再试一次 | 同意 | 就这样 | 太好了 | 没问题
zh: 继续吧 | 请做 | 就这么做 | 请这样做 | 这样做吧 | 请开始 | 可以的
ja: 続けて | 続けてください | 続き | 続きを | 次 | 次へ | はい | お願いします | お願い | うん | ええ | いいよ | いいです
ja: いいですね | オーケー | わかった | 了解 | 了解です | やって | やってください | ありがとう | ありがとうございます | いいえ | もう一度 | どうぞ | 進めて
ja: 進めてください | その通り
ja: それでお願いします | それでいいです | それで | 問題ありません | 大丈夫です
ko: 계속 | 계속해 | 계속해줘 | 계속해 주세요 | 계속해주세요 | 네 | 예 | 응 | 그래 | 좋아 | 좋아요 | 해줘 | 해 주세요 | 해주세요 | 그렇게 해줘
ko: 고마워 | 고마워요 | 감사합니다 | 아니 | 아니요 | 다시 | 다음 | 맞아 | 맞아요 | 알겠어 | 알겠습니다 | 진행해 | 진행해줘
ko: 진행해 주세요 | 계속 진행해 주세요 | 계속 진행해줘 | 그렇게 해주세요 | 그렇게 해 주세요 | 그렇게 해
ar: تابع | استمر | أكمل | اكمل | نعم | نعم افعل | افعل ذلك | حسنا | حسنًا | تمام | طيب | جيد | ممتاز | شكرا | شكرًا | شكرا جزيلا | لا | مرة أخرى
he: המשך | תמשיך | כן | תעשה את זה | בסדר | טוב | תודה | תודה רבה | לא | שוב
fa: ادامه بده | بله | آره | انجام بده | باشه | خوب | ممنون | مرسی | نه | دوباره
hi: जारी रखो | जारी रखें | आगे | आगे बढ़ो | हाँ | हां | जी | जी हाँ | करो | कर दो | ठीक है | अच्छा | बढ़िया | धन्यवाद | शुक्रिया | नहीं | फिर से
hi: haan | theek hai | dhanyavaad | shukriya
bn: চালিয়ে যান | হ্যাঁ | ঠিক আছে | ধন্যবাদ | না | আবার
th: ต่อ | ต่อไป | ใช่ | ตกลง | โอเค | ขอบคุณ | ขอบคุณครับ | ขอบคุณค่ะ | ไม่ | อีกครั้ง
"""

COURTESIES: Final = """
please pls plz just then now bitte mal doch jetzt svp s'il te vous plaît plait por favor porfa per favore alsjeblieft proszę пожалуйста lütfen snälla man bro so oh ah well and und et y e och i и
stp pure graag من فضلك कृपया בבקשה لطفا будь ласка παρακαλώ rog prosím kérlek tolong vui lòng làm ơn
"""
