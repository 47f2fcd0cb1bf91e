"""Signs requests with botocore's own signer: a JSON request a line in, a JSON answer a line out."""

import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

for line in sys.stdin:
    request = json.loads(line)
    now = datetime.datetime.strptime(request["time"], "%Y%m%dT%H%M%SZ")
    botocore.auth.get_current_datetime = lambda *_, **__: now
    # As botocore puts the key of an object into a path.
    path = "/" + percent_encode(request["key"], safe="/~")
    signed = AWSRequest(
        method=request["method"],
        url=f"http://{request['host']}{path}",
        params=[tuple(item) for item in request["query"]],
        headers={name: value for name, value in request["headers"]},
        data=request["body"].encode(),
    )
    credentials = Credentials(request["accessKey"], request["secretKey"], request.get("token"))
    botocore.auth.S3SigV4Auth(credentials, "s3", request["region"]).add_auth(signed)
    print(json.dumps({"path": path, "authorization": signed.headers["Authorization"]}))
