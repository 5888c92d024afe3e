# SPDX-License-Identifier: BSD-3-Clause
"""moto_.py - moto's S3 server with its signature checking on, run by the Python that has it: the one
of build/peers/moto (scripts/setup.sh servers), or $TESSERA_MOTO.

As a program it is that server: it prints port, key and secret, and ends when its input does."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Moto:
    def __init__(self, python, buckets):
        self.python = python
        self.run = subprocess.Popen([python, __file__, *buckets], stdin=subprocess.PIPE, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        port, self.id, self.secret = self.run.stdout.readline().split()
        self.url = f"http://127.0.0.1:{port}"

    def upload(self, bucket, folder, prefix=""):
        """Puts what is in a folder below the prefix."""
        subprocess.run([self.python, __file__, "--upload", self.url, self.id, self.secret, bucket,
                        str(folder), prefix], check=True, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.run.stdin.close()
        self.run.stdout.close()
        self.run.wait(30)


def start(*buckets):
    """The server with these buckets, or None where there is no moto.

    The scripts of the checks set it up, and say by TESSERA_SERVERS=needed that they did."""
    python = os.environ.get("TESSERA_MOTO", str(ROOT / "build/peers/moto/bin/python"))
    if os.path.exists(python):
        return Moto(python, buckets)
    if os.environ.get("TESSERA_SERVERS") == "needed":
        raise FileNotFoundError(f"{python}: moto is not there: scripts/setup.sh servers gets it")
    return None


def serve(buckets):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1",
                      INITIAL_NO_AUTH_ACTION_COUNT=str(3 + len(buckets)))
    import boto3
    from moto.server import ThreadedMotoServer
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server._server.server_port
    url = f"http://127.0.0.1:{port}"
    s3, iam = boto3.client("s3", endpoint_url=url), boto3.client("iam", endpoint_url=url)
    for name in buckets:
        s3.create_bucket(Bucket=name)
    iam.create_user(UserName="tester")
    allowed = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", ' \
              '"Resource": "*"}]}'
    iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=allowed)
    key = iam.create_access_key(UserName="tester")["AccessKey"]
    print(port, key["AccessKeyId"], key["SecretAccessKey"], flush=True)
    sys.stdin.read()
    server.stop()


def upload(url, key, secret, bucket, folder, prefix):
    import boto3
    s3 = boto3.client("s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret,
                      region_name="us-east-1")
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            s3.put_object(Bucket=bucket, Key=prefix + str(path.relative_to(folder)),
                          Body=path.read_bytes())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--upload"]:
        upload(*sys.argv[2:])
    else:
        serve(sys.argv[1:])
