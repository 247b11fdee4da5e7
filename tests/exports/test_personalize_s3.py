"""Amazon's own client, boto3, takes what is exported to Personalize; moto plays S3 and Personalize in process."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from reco.exports import EXPORTS, forms, running
from reco.exports.systems import personalize
from tests.exports import made

BUCKET = "corner-shop"
CSVS = ("interactions.csv", "items.csv", "users.csv")


@pytest.fixture
def aws(monkeypatch):
    """A session of boto3 that reaches moto alone, with one empty bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        session = boto3.Session(region_name="us-east-1")
        session.client("s3").create_bucket(Bucket=BUCKET)
        yield session


@pytest.fixture
def folder(tmp_path):
    return running.export("personalize", made.material(), EXPORTS["personalize"].Settings(), tmp_path).folder


def test_files_come_back_from_s3_to_the_byte(aws, folder, tmp_path):
    s3, back = aws.client("s3"), tmp_path / "back"
    back.mkdir()
    for name in (*CSVS, "batch_input.jsonl"):
        s3.upload_file(str(folder / name), BUCKET, f"reco/{name}")
        s3.download_file(BUCKET, f"reco/{name}", str(back / name))
        assert (back / name).read_bytes() == (folder / name).read_bytes()
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="reco/")["Contents"]
    told = json.loads((folder / "manifest.json").read_text())["files"]
    assert {one["Key"].removeprefix("reco/"): one["Size"] for one in listed} == {
        one["name"]: one["bytes"] for one in told if not one["name"].endswith(".avsc")
    }
    assert set(forms.read(back / "interactions.csv", ("USER_ID", "ITEM_ID"))["USER_ID"].to_pylist()) == {
        "0001", "ann", "Zoë",
    }  # fmt: skip


def test_schemas_are_made_and_name_the_columns_of_their_files(aws, folder):
    client = aws.client("personalize")
    for name in CSVS:
        text = (folder / name).with_suffix(".avsc").read_text()
        arn = client.create_schema(name=f"corner-{name.removesuffix('.csv')}", schema=text)["schemaArn"]
        kept = client.describe_schema(schemaArn=arn)["schema"]["schema"]
        kept = kept if isinstance(kept, dict) else json.loads(kept)
        header = (folder / name).read_text(encoding="utf-8").splitlines()[0]
        assert [one["name"] for one in kept["fields"]] == header.split(",")
    assert len(client.list_schemas()["schemas"]) == len(CSVS)
    client.delete_schema(schemaArn=arn)
    with pytest.raises(ClientError):
        client.describe_schema(schemaArn=arn)


def test_what_a_batch_job_answers_to_its_input_becomes_lists(aws, folder, tmp_path):
    s3 = aws.client("s3")
    s3.upload_file(str(folder / "batch_input.jsonl"), BUCKET, "batch_input.jsonl")
    asked = s3.get_object(Bucket=BUCKET, Key="batch_input.jsonl")["Body"].read().decode().splitlines()
    answer = {"output": {"recommendedItems": ["007", "1e5"], "scores": [0.5, 0.25]}, "error": None}
    lines = [json.dumps({"input": json.loads(line), **answer}) for line in asked]
    s3.put_object(Bucket=BUCKET, Key="batch_input.jsonl.out", Body="\n".join(lines).encode())
    s3.download_file(BUCKET, "batch_input.jsonl.out", str(tmp_path / "batch.jsonl.out"))
    lists = personalize.read_batch(tmp_path / "batch.jsonl.out")
    assert lists["user_id"].unique().tolist() == ["0001", "Zoë", "ann"]
    assert lists["item_id"].tolist() == ["007", "1e5"] * 3
