"""A careful script: threads, 100 rows an INSERT, a COMMIT each, deletes by batches of 10.

Reads what loop.py reads, and THREADS (16). Ends when each thread's receive comes back empty.
Not exactly-once: a kill between commit and delete writes up to 100 rows a thread again.
"""
import datetime
import json
import os
import threading

import boto3
import psycopg2
import psycopg2.extras

from loop import mask, version_number

ROWS = 100


def row_of(event, today):
    return (event["user_id"], event["device_type"], mask(event["ip"], "ip"), mask(event["device_id"], "device"),
            event["locale"], version_number(event["app_version"]), today)


def work():
    sqs = boto3.session.Session().client("sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
    queue = os.environ["QUEUE_URL"]
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    cursor = connection.cursor()
    ended = False
    while not ended:
        messages = []
        while len(messages) < ROWS and not ended:
            got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
            messages += got
            ended = not got
        if not messages:
            return
        today = datetime.date.today()
        psycopg2.extras.execute_values(
            cursor,
            "INSERT INTO user_logins (user_id, device_type, masked_ip, masked_device_id, locale, app_version,"
            " create_date) VALUES %s",
            [row_of(json.loads(message["Body"]), today) for message in messages], page_size=ROWS)
        connection.commit()
        for first in range(0, len(messages), 10):
            entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
                       for i, message in enumerate(messages[first:first + 10])]
            answer = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
            if answer.get("Failed"):
                raise SystemExit("a delete failed")


def main():
    threads = [threading.Thread(target=work) for _ in range(int(os.environ.get("THREADS", "16")))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
