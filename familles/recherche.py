"""What an agent types to find a household: words whatever their accents, a telephone however it is spelt."""

import re

from django.db.models import Q

ACCENTS = {"a": "aàâä", "c": "cç", "e": "eéèêë", "i": "iîï", "o": "oôö", "u": "uùûü", "y": "yÿ"}
SANS_ACCENT = {lettre: base for base, lettres in ACCENTS.items() for lettre in lettres}
TELEPHONE = re.compile(r"(?:(?:\+|00)33\s*(?:\(0\))?|0)([1-9](?:[\s.\-]*\d){8})")
TELEPHONES = tuple(f"responsables__telephone_{genre}" for genre in ("domicile", "mobile", "professionnel"))


def motif(mot: str) -> str:
    """A regular expression both databases read: « lea » finds « Léa », « Léa » finds « LEA »."""
    return "".join(_lettre(lettre) for lettre in mot.lower())


def _lettre(lettre: str) -> str:
    base = SANS_ACCENT.get(lettre)
    if base is None:
        return re.escape(lettre)
    lettres = ACCENTS[base]
    return f"[{lettres}{lettres.upper()}]"


def motif_de_telephone(saisi: str) -> str | None:
    """The ten digits of a French number whatever stands between them, in the row as in what was typed."""
    trouve = TELEPHONE.fullmatch(saisi.replace("\N{NO-BREAK SPACE}", " ").strip())
    if trouve is None:
        return None
    chiffres = re.sub(r"\D", "", trouve[1])
    return r"^(0|\+33|0033)[^0-9]*" + "[^0-9]*".join(chiffres) + "$"


def filtre(saisi: str, champs: tuple[str, ...]) -> Q:
    """Each word in one of the fields; or the number of an adult's telephone."""
    telephone = motif_de_telephone(saisi)
    if telephone:
        return _un_des(TELEPHONES, telephone)
    condition = Q()
    for mot in saisi.replace("\0", "").split():
        condition &= _un_des(champs, motif(mot))
    return condition


def _un_des(champs: tuple[str, ...], expression: str) -> Q:
    condition = Q()
    for champ in champs:
        condition |= Q(**{f"{champ}__iregex": expression})
    return condition
