"""A server that speaks MongoDB's wire protocol (OP_MSG) and keeps its data in mongomock.

No package index holds a MongoDB server; this one lets the real driver connect, send and read over a socket.
"""

import socketserver
import struct
import threading
from datetime import UTC, datetime

import bson
import mongomock

HELLO = {"ismaster": True, "isWritablePrimary": True, "helloOk": True, "maxBsonObjectSize": 16_777_216,
         "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "minWireVersion": 0, "maxWireVersion": 21,
         "readOnly": False}  # fmt: skip
MSG, QUERY, REPLY = 2013, 2004, 1


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port; after `fail_after` inserts it hangs up, as a server that is killed does.

    Of each insert it `loses` the first documents and says that it kept them."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.data, self.lock, self.inserts = mongomock.MongoClient(), threading.Lock(), 0
        self.fail_after, self.loses = None, 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.server_address[1]}"

    def answer(self, command: dict) -> dict:
        name, of = next(iter(command)), command.get("$db", "admin")
        collection = self.data[of][command[name]] if isinstance(command[name], str) else None
        with self.lock:
            match name:
                case "insert":
                    self.inserts += 1
                    if self.fail_after is not None and self.inserts > self.fail_after:
                        raise ConnectionError
                    collection.insert_many(command["documents"][self.loses :])
                    return {"n": len(command["documents"])}
                case "find":
                    found = list(collection.find(command.get("filter", {}), limit=command.get("limit", 0)))
                    return {"cursor": {"id": 0, "ns": f"{of}.{command[name]}", "firstBatch": found}}
                case "aggregate":
                    found = list(collection.aggregate(command["pipeline"]))
                    return {"cursor": {"id": 0, "ns": f"{of}.{command[name]}", "firstBatch": found}}
                case "update":
                    for one in command["updates"]:
                        collection.replace_one(one["q"], one["u"], upsert=one.get("upsert", False))
                    return {"n": len(command["updates"]), "nModified": len(command["updates"])}
                case "hello" | "isMaster" | "ismaster":
                    return {**HELLO, "localTime": datetime.now(UTC)}
                case "createIndexes" | "ping" | "endSessions":
                    return {}
        return {"ok": 0.0, "errmsg": f"no such command: {name}", "code": 59}


class Connection(socketserver.BaseRequestHandler):
    """One client."""

    def handle(self) -> None:
        try:
            while head := self.request.recv(16, 0x100):  # MSG_WAITALL
                size, request, _, kind = struct.unpack("<iiii", head)
                body = self.request.recv(size - 16, 0x100)
                command = self.parsed(body) if kind == MSG else bson.decode(body[body.index(b"\0", 4) + 9 :])
                reply = bson.encode({"ok": 1.0, **self.server.answer(command)})
                data = b"\0" * 5 + reply if kind == MSG else struct.pack("<iqii", 8, 0, 0, 1) + reply
                self.request.sendall(
                    struct.pack("<iiii", 16 + len(data), 0, request, MSG if kind == MSG else REPLY) + data
                )
        except ConnectionError:
            self.request.close()

    @staticmethod
    def parsed(body: bytes) -> dict:
        """The command of an OP_MSG: one document, and lists of documents beside it."""
        command, at = {}, 4
        while at < len(body):
            kind, (size,) = body[at], struct.unpack_from("<i", body, at + 1)
            if kind == 0:
                command |= bson.decode(body[at + 1 : at + 1 + size])
            else:
                end = body.index(b"\0", at + 5)
                command[body[at + 5 : end].decode()] = bson.decode_all(body[end + 1 : at + 1 + size])
            at += 1 + size
        return command
