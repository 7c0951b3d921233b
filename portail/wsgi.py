"""WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portail.settings")
application = get_wsgi_application()

# What was just loaded lasts as long as the process: never looked through again, and shared by the workers gunicorn
# forks. Then a page of some ten thousand objects is collected once, not at every seven hundredth.
gc.freeze()
gc.set_threshold(20_000, 10, 10)
