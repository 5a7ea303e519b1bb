"""Campaigns: random folders, damage, odd tables and kills, for as long as somebody lets them run."""
