"""Structured logs: one JSON object a line, never personal data."""

import json
import logging
from datetime import UTC, datetime


class Json(logging.Formatter):
    """Keeps level, logger, message and the extra keys listed in CHAMPS; a path carries no query string."""

    CHAMPS = ("status_code", "tache", "duree_ms", "nombre", "objet")

    def format(self, record: logging.LogRecord) -> str:
        ligne = {
            "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "niveau": record.levelname,
            "source": record.name,
            "message": record.getMessage(),
        }
        ligne |= {c: getattr(record, c) for c in self.CHAMPS if hasattr(record, c)}
        if record.exc_info:
            ligne["erreur"] = self.formatException(record.exc_info)
        return json.dumps(ligne, ensure_ascii=False, default=str)
