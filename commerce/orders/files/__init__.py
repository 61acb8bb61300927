"""Order files: exports of TikTok Shop, and any other table described by a mapping file.

`reading.open_orders` is the way in. Nothing here talks to a database.
"""
