"""The Python loop as people write it: receive, mask, INSERT and COMMIT a message, delete it.

Reads QUEUE_URL, AWS_ENDPOINT_URL, DATABASE_URL and MASK_KEY; ends when a receive comes back empty.
Not exactly-once: a kill between commit and delete writes the row again.
"""
import base64
import datetime
import hashlib
import hmac
import json
import os

import boto3
import psycopg2

KEY = os.environ["MASK_KEY"].encode()


def mask(value, domain):
    digest = hmac.new(KEY, f"{domain}:{value}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def version_number(text):
    parts = [int(part) for part in text.split(".")] + [0, 0]
    return parts[0] * 1_000_000 + parts[1] * 1_000 + parts[2]


def main():
    sqs = boto3.client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
    queue = os.environ["QUEUE_URL"]
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    cursor = connection.cursor()
    while True:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        messages = answer.get("Messages", [])
        if not messages:
            return
        for message in messages:
            event = json.loads(message["Body"])
            cursor.execute(
                "INSERT INTO user_logins (user_id, device_type, masked_ip, masked_device_id, locale, app_version,"
                " create_date) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (event["user_id"], event["device_type"], mask(event["ip"], "ip"),
                 mask(event["device_id"], "device"), event["locale"], version_number(event["app_version"]),
                 datetime.date.today()))
            connection.commit()
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    main()
