"""What the lists of clients, policies and instalments have in common: fields, searches, pages,
selections, exports and imports. Each list declares itself as a :class:`~ctm.lists.listing.Listing`.
"""
