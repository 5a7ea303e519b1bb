"""Rows as pictures: the gallery's page, and the card's picture."""
