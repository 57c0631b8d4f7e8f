"""The two mails of the demo office's campaigns.

Their links lead to ``SITE``, which stands for the page of this installation that plays
the agency's web site (``/demo-site``).
"""

SITE = "https://sito.brera.example"

_FRAME = """\
<!doctype html>
<html lang="it">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ margin: 0; padding: 0; background: #f2f4f3; }}
  .page {{ width: 100%; background: #f2f4f3; padding: 24px 0; }}
  .sheet {{ width: 600px; max-width: 100%; margin: 0 auto; background: #ffffff;
    border-radius: 10px; overflow: hidden; font-family: Helvetica, Arial, sans-serif;
    color: #22302c; }}
  .band {{ background: #0e6b5e; color: #ffffff; padding: 22px 32px; }}
  .band .name {{ font-size: 20px; font-weight: bold; color: #ffffff; }}
  .band .line {{ font-size: 13px; color: #cfe8e2; }}
  .text {{ padding: 28px 32px 8px; font-size: 15px; line-height: 1.6; }}
  h1 {{ font-size: 22px; line-height: 1.3; margin: 0 0 14px; color: #0a5248; }}
  p {{ margin: 0 0 14px; }}
  .offer {{ background: #e5f2ef; border-left: 4px solid #0e6b5e; padding: 14px 18px;
    margin: 0 0 18px; }}
  .button {{ display: inline-block; background: #0e6b5e; color: #ffffff; padding: 13px 26px;
    border-radius: 6px; font-weight: bold; text-decoration: none; }}
  .small {{ padding: 18px 32px 26px; font-size: 12px; line-height: 1.5; color: #66736f;
    border-top: 1px solid #e4e9e7; }}
  .small a {{ color: #0e6b5e; }}
</style>
</head>
<body>
<div class="page">
<table role="presentation" class="sheet" cellpadding="0" cellspacing="0" align="center">
<tr><td class="band"><div class="name">Assicurazioni Brera</div>
<div class="line">La tua agenzia a Milano dal 1978</div></td></tr>
<tr><td class="text">
{body}
</td></tr>
<tr><td class="small">Assicurazioni Brera S.r.l. · Via Brera, 18 · 20121 Milano ·
Tel. 02 5550 1978<br>
Ricevi questa mail perché sei cliente dell'agenzia.
<a href="[rimuovi]">Non desidero più ricevere queste comunicazioni</a></td></tr>
</table>
</div>
</body>
</html>
"""

RENEWAL_SUBJECT = "[clienti.nominativo], la tua RC Auto: rinnova entro fine mese"
RENEWAL_LINKS = (f"{SITE}/rc-auto/rinnovo", f"{SITE}/rc-auto/preventivo", f"{SITE}/contatti")
RENEWAL_HTML = _FRAME.format(
    title="Rinnovo RC Auto",
    body=f"""\
<h1>È tempo di rinnovare la tua RC Auto</h1>
<p>Gentile <strong>[clienti.nominativo]</strong>,</p>
<p>la tua polizza auto sta per scadere. Abbiamo già preparato la proposta di rinnovo per
[clienti.citta;ifempty=la tua zona]: stesso massimale, stessa assistenza, e un prezzo
bloccato per chi conferma entro fine mese.</p>
<div class="offer"><strong>Solo per i clienti dell'agenzia:</strong> assistenza stradale
H24 e tutela legale incluse per il primo anno.</div>
<p><a class="button" href="{RENEWAL_LINKS[0]}">Conferma il rinnovo</a></p>
<p>Hai cambiato auto o vuoi aggiungere la copertura furto e incendio?
<a href="{RENEWAL_LINKS[1]}">Chiedi un nuovo preventivo</a>: rispondiamo in giornata.</p>
<p>Se preferisci parlarne, <a href="{RENEWAL_LINKS[2]}">trovi qui i nostri orari</a>.</p>
<p>Un cordiale saluto,<br>Paolo Ferri<br>Responsabile clienti</p>""",
)

HOME_SUBJECT = "[clienti.nominativo], un check-up gratuito per la tua casa"
HOME_LINKS = (f"{SITE}/casa/check-up", f"{SITE}/casa/guida", f"{SITE}/contatti")
HOME_HTML = _FRAME.format(
    title="Check-up casa e famiglia",
    body=f"""\
<h1>La tua casa è protetta davvero?</h1>
<p>Gentile <strong>[clienti.nominativo]</strong>,</p>
<p>acqua, gelo e temporali: l'inverno è la stagione in cui riceviamo più richieste di
risarcimento. Fino a fine mese controlliamo gratis la tua polizza casa e ti diciamo, in
venti minuti, che cosa copre e che cosa no.</p>
<p><a class="button" href="{HOME_LINKS[0]}">Prenota il check-up</a></p>
<div class="offer">Intanto puoi leggere la nostra
<a href="{HOME_LINKS[1]}">guida in quattro pagine</a>: dieci cose da verificare prima
dell'inverno.</div>
<p>Vuoi passare in agenzia? <a href="{HOME_LINKS[2]}">Ecco dove siamo</a>.</p>
<p>A presto,<br>Marta Colombo<br>Assicurazioni Brera</p>""",
)
