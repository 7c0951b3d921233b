"""Words and order on the papers."""

from datetime import date

from facturation.documents import jours_en_mots

NB = "\N{NO-BREAK SPACE}"


def test_days_in_words():
    assert jours_en_mots([date(2026, 10, 5)]) == f"le 5{NB}octobre"
    assert jours_en_mots([date(2026, 10, 5), date(2026, 10, 1), date(2026, 10, 8)]) == (
        f"les 1er, 5 et 8{NB}octobre"
    )
    assert jours_en_mots([date(2026, 9, 30), date(2026, 10, 1)]) == f"le 30{NB}septembre, le 1er{NB}octobre"
    assert jours_en_mots([]) == ""
