#!/usr/bin/python3
"""What the shop and the loans must hand out, worked out from their CSV files alone.

It shares nothing with the models and queries of examples/: rows are read by the csv module and counted in loops. Writes
the objects, byte for byte as Sluice must write them, into a folder.

    expected.py shop ORDERS_DATA IF_COMMON OUT AS_OF INGESTION_DATE...
    expected.py loans BOOK OUT AS_OF
"""
import csv
import os
import sys
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
STARS = "one two three four five".split()


def rows_of(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def day(text):
    return date.fromisoformat(text) if text else None


def number(value):
    """A double as the shortest text that reads back equal, 20.0 as 20."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def write(folder, name, header, rows):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", newline="\n", encoding="utf-8") as file:
        for row in [header, *rows]:
            file.write(",".join(row) + "\n")


class Shop:
    def __init__(self, orders_data, if_common, as_of):
        self.as_of = as_of
        self.orders = {row["order_id"]: row for row in rows_of(orders_data, "orders.csv")}
        for order in self.orders.values():
            order["day"] = day(order["order_date"])
        self.reviews = rows_of(orders_data, "reviews.csv")
        self.shipments = rows_of(orders_data, "shipment_deliveries.csv")
        self.names = {row["product_id"]: row["product_name"] for row in rows_of(if_common, "dim_products.csv")}
        self.holidays = {
            day(row["calendar_dt"])
            for row in rows_of(if_common, "dim_dates.csv")
            if 1 <= int(row["day_of_the_week_num"]) <= 5 and row["working_day"] == "false"
        }

    def holiday_orders(self):
        year_ago = self.as_of.replace(year=self.as_of.year - 1)
        counts = [0] * 12
        for order in self.orders.values():
            if year_ago < order["day"] <= self.as_of and order["day"] in self.holidays:
                counts[order["day"].month - 1] += 1
        return [str(count) for count in counts]

    def is_late(self, shipment):
        shipped = day(shipment["shipment_date"])
        in_time = self.orders[shipment["order_id"]]["day"] + timedelta(days=6)
        return shipped is not None and shipped >= in_time and not shipment["delivery_date"]

    def is_early(self, shipment):
        shipped = day(shipment["shipment_date"])
        in_time = self.orders[shipment["order_id"]]["day"] + timedelta(days=6)
        return shipped is not None and shipped < in_time and bool(shipment["delivery_date"])

    def shipping(self):
        late = undelivered = 0
        for shipment in self.shipments:
            late += self.is_late(shipment)
            if not shipment["shipment_date"] and not shipment["delivery_date"]:
                waited = self.as_of - self.orders[shipment["order_id"]]["day"]
                undelivered += waited >= timedelta(days=15)
        return [str(late), str(undelivered)]

    def best_product(self):
        points = defaultdict(int)
        for review in self.reviews:
            points[review["product_id"]] += int(review["review"])
        best = sorted(points, key=lambda product: (-points[product], int(product)))[0]

        days = defaultdict(lambda: [0, 0])
        for order in self.orders.values():
            if order["product_id"] == best:
                days[order["day"]][0] += 1
                days[order["day"]][1] += int(order["quantity"])
        top = sorted(days, key=lambda one: (-days[one][0], -days[one][1], one))[0]

        stars = [int(review["review"]) for review in self.reviews if review["product_id"] == best]
        shares = [number(100 * stars.count(star) / len(stars)) for star in range(1, 6)]
        own = [s for s in self.shipments if self.orders[s["order_id"]]["product_id"] == best]
        early = sum(map(self.is_early, own))
        late = sum(map(self.is_late, own))
        of_both = [number(100 * count / (early + late)) if early + late else "0" for count in (early, late)]
        holiday = "true" if top in self.holidays else "false"
        return [self.names[best], top.isoformat(), holiday, str(points[best]), *shares, *of_both]


def shop(orders_data, if_common, out, as_of, *ingestion_dates):
    data = Shop(orders_data, if_common, day(as_of))
    tables = {
        "agg_public_holiday": (["tt_order_hol_" + month for month in MONTHS], data.holiday_orders()),
        "agg_shipments": (["tt_late_shipments", "tt_undelivered_items"], data.shipping()),
        "best_performing_product": (
            ["product_name", "most_ordered_day", "is_public_holiday", "tt_review_points"]
            + [f"pct_{star}_star_review" for star in STARS]
            + ["pct_early_shipments", "pct_late_shipments"],
            data.best_product(),
        ),
    }
    for name, (header, row) in tables.items():
        write(out, name + ".csv", ["ingestion_date", *header], [[date_, *row] for date_ in ingestion_dates])


def loans(book, out, as_of_text):
    as_of = day(as_of_text)
    clients = sorted(int(row["id"]) for row in rows_of(book, "user.csv"))
    by_id = {row["id"]: row for row in rows_of(book, "loan.csv")}
    paid = defaultdict(int)
    for loan in by_id.values():
        paid[loan["client_id"]] += loan["status"] == "paid"

    latest = {}
    interest = defaultdict(Decimal)
    for payment in rows_of(book, "payment.csv"):
        when = day(payment["created_on"])
        if when is None or when > as_of:
            continue
        interest[payment["loan_id"]] += Decimal(payment["interest"] or 0)
        loan = by_id.get(payment["loan_id"])
        if payment["status"] == "late" and loan is not None:
            client = loan["client_id"]
            latest[client] = max(latest.get(client, when), when)

    amounts = defaultdict(Decimal)
    earned = defaultdict(Decimal)
    for loan in by_id.values():
        created = day(loan["created_on"])
        if created is None or not as_of - timedelta(days=90) <= created <= as_of or loan["status"] == "application":
            continue
        amounts[loan["client_id"]] += Decimal(loan["amount"])
        earned[loan["client_id"]] += interest[loan["id"]]

    def rate(client):
        if amounts.get(client, 0) == 0:
            return ""
        with localcontext() as context:
            context.prec = 60
            return format((earned[client] / amounts[client]).quantize(Decimal(1).scaleb(-10), ROUND_HALF_UP), "f")

    def days_since(client):
        return str((as_of - latest[client]).days) if client in latest else ""

    features = {
        "paid_loans_count": lambda client: str(paid.get(client, 0)),
        "days_since_last_late_payment": days_since,
        "profit_in_last_90_days_rate": rate,
    }
    for name, feature in features.items():
        write(out, name + ".csv", ["client_id", name], [[str(client), feature(str(client))] for client in clients])


if __name__ == "__main__":
    {"shop": shop, "loans": loans}[sys.argv[1]](*sys.argv[2:])
