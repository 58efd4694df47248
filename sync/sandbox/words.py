# ruff: noqa: SIM905 - word lists read best as text
"""What the invented world is made of."""

from __future__ import annotations

FIRST = """
Ada Amir Anna Bela Ben Carla Chidi Chloe Dana David Elena Emeka Eva Farid Fiona Grace Hana Hugo Ines Ivan Jana Jonas
Kaito Karin Lea Liam Lina Luca Maja Marco Mei Mina Nadia Noah Nora Omar Pia Priya Rafael Rosa Sam Sara Sofia Tariq
Theo Uma Vera Wei Yara Zoe Zoltán François Søren Łukasz
""".split()
LAST = """
Abara Adler Bauer Becker Brandt Castillo Chen Costa Dahl Diaz Eriksen Fischer Fontaine Garcia Gupta Haas Hansen Ito
Jansen Kaya Keller Khan Kim Kovács Lang Larsen Lopez Meyer Moreau Müller Nakamura Nguyen Novak Okafor Okoye Olsen
Park Patel Petrov Quill Reyes Richter Rossi Sato Schmidt Silva Singh Sørensen Tanaka Torres Vogel Wagner Weber Yilmaz
""".split()
HEADS = """
Amber Aspen Atlas Birch Blue Bright Cedar Clear Cobalt Copper Coral Crystal Delta Echo Ember Falcon Fern Granite Harbor
Hazel Indigo Iron Juniper Lumen Maple Meadow Nimbus North Oak Onyx Orchid Pine Quartz Raven River Saffron Silver Sky
Slate Solar Stone Summit Teal Timber Vale Velvet Willow Zephyr
""".split()
TAILS = """
Analytics Bank Biotech Builders Capital Cloud Data Design Devices Dynamics Energy Foods Freight Games Health Homes
Insurance Labs Learning Logistics Machines Marine Media Metals Motors Networks Optics Paper Partners Pharma Power Press
Robotics Security Software Steel Studios Supply Systems Telecom Textiles Tools Toys Travel Ventures Water Works Yachts
""".split()
INDUSTRIES = """
Technology Banking Biotechnology Construction Education Energy Finance Healthcare Insurance Manufacturing Media Retail
Telecommunications Transportation Utilities
""".split()
PLACES = (
    ("Austin", "Texas", "United States"),
    ("Boston", "Massachusetts", "United States"),
    ("Denver", "Colorado", "United States"),
    ("Portland", "Oregon", "United States"),
    ("Toronto", "Ontario", "Canada"),
    ("London", "England", "United Kingdom"),
    ("Dublin", "Leinster", "Ireland"),
    ("Berlin", "Berlin", "Germany"),
    ("Lyon", "Auvergne-Rhône-Alpes", "France"),
    ("Lagos", "Lagos", "Nigeria"),
)
TITLES = (
    ("C-Level", ("CEO", "CTO", "CFO", "Chief Marketing Officer")),
    ("VP", ("VP Engineering", "VP Sales", "VP Marketing")),
    ("Director", ("Director of IT", "Director of Operations")),
    ("Manager", ("Marketing Manager", "Product Manager", "Account Manager")),
    ("Staff", ("Engineer", "Analyst", "Designer", "Buyer")),
)
AREA_CODES = (202, 212, 303, 312, 404, 415, 503, 512, 617, 713)
