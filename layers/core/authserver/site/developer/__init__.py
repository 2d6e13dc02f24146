"""The developer portal, /developer: one's own apps, and a place to try them out."""

from authserver.site.developer import apps, playground, reference

NOTICES = apps.NOTICES
SCREENS = (*apps.SCREENS, *reference.SCREENS, *playground.SCREENS)
