"""The part of the API that the benchmark asks for, in Flask and SQLAlchemy.

Written as a careful user of these would: models and sessions of SQLAlchemy,
tokens checked with PyJWT, ended sessions and cached reads in Redis, gunicorn with
workers and threads. It uses the tables of bench/reference, and not its functions. It
filters by owner in each query, and its login bypasses row-level security.
"""

import json
import os
import re
import secrets
import time
import uuid
from datetime import datetime, timezone

import jwt
import redis
from flask import Flask, Response, abort, g, request
from sqlalchemy import BigInteger, Column, DateTime, Integer, Text, create_engine
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker

SECRET = os.environ["JWT_SECRET_KEY"]
CACHE_TTL = int(os.environ.get("CACHE_TTL", "60"))

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20
engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg2://"), pool_size=5, max_overflow=10)
Session = scoped_session(sessionmaker(bind=engine, expire_on_commit=False))
cache = redis.Redis.from_url(os.environ["REDIS_URL"])
Base = declarative_base()


class Project(Base):
    __tablename__ = "projects"
    id = Column(UUID(as_uuid=False), primary_key=True)
    owner_id = Column(UUID(as_uuid=False), primary_key=True)
    specification_count = Column(Integer)
    next_number = Column(Integer)
    updated_at = Column(DateTime(timezone=True))
    deleted_at = Column(DateTime(timezone=True))


class Specification(Base):
    __tablename__ = "specifications"
    id = Column(UUID(as_uuid=False), primary_key=True)
    project_id = Column(UUID(as_uuid=False))
    owner_id = Column(UUID(as_uuid=False), primary_key=True)
    number = Column(Integer)
    title = Column(Text)
    content = Column(Text)
    item_ids = Column(ARRAY(UUID(as_uuid=False)))
    next_item_number = Column(Integer)
    version = Column(BigInteger)
    created_at = Column(DateTime(timezone=True))
    updated_at = Column(DateTime(timezone=True))
    deleted_at = Column(DateTime(timezone=True))
    __mapper_args__ = {"version_id_col": version}  # SQLAlchemy raises it with every change

    def view(self):
        return {
            "id": self.id,
            "project_id": self.project_id,
            "number": self.number,
            "title": self.title,
            "content": self.content,
            "item_count": len(self.item_ids),
            "version": self.version,
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.updated_at),
            "deleted_at": stamp(self.deleted_at),
        }


class Item(Base):
    __tablename__ = "items"
    id = Column(UUID(as_uuid=False), primary_key=True)
    specification_id = Column(UUID(as_uuid=False))
    owner_id = Column(UUID(as_uuid=False), primary_key=True)
    number = Column(Integer)
    content = Column(Text)
    version = Column(BigInteger)
    created_at = Column(DateTime(timezone=True))
    updated_at = Column(DateTime(timezone=True))
    __mapper_args__ = {"version_id_col": version}

    def view(self, spec, order):
        return {
            "id": self.id,
            "spec_id": self.specification_id,
            "number": self.number,
            "ref": f"{spec.number}.{self.number}",
            "content": self.content,
            "order": order,
            "version": self.version,
            "created_at": stamp(self.created_at),
            "updated_at": stamp(self.updated_at),
        }


def stamp(at):
    return at and at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def new_id():
    """A UUID of version 7."""
    n = int(time.time() * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=n))


def reply(body, status=200, etag=None, location=None):
    answer = Response(json.dumps(body, separators=(",", ":"), ensure_ascii=False), status, mimetype="application/json")
    if etag is not None:
        answer.headers["ETag"] = f'"{etag}"'
    if location:
        answer.headers["Location"] = location
    return answer


@app.before_request
def authenticate():
    if request.path == "/ready":
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="codegenapp", issuer="codegenapp")
    except jwt.PyJWTError:
        abort(401)
    if scheme != "Bearer" or cache.get("flask:ended:" + claims["sid"]):
        abort(401)
    g.user = claims["sub"]


@app.teardown_appcontext
def end_session(_):
    Session.remove()


@app.get("/ready")
def ready():
    return ""


def cached(read):
    """Answers a read from Redis, or from read, whose answer is then kept."""
    if not CACHE_TTL:
        return conditional(read())
    key = f"flask:{g.user}:{request.full_path}"
    kept = cache.hgetall(key)
    if kept:
        return conditional(Response(kept[b"body"], mimetype="application/json", headers={"ETag": kept[b"etag"].decode()}))
    answer = read()
    pipeline = cache.pipeline(transaction=False)
    pipeline.hset(key, mapping={"body": answer.get_data(), "etag": answer.headers.get("ETag", "")})
    pipeline.expire(key, CACHE_TTL)
    pipeline.execute()
    return conditional(answer)


def forget(spec):
    if CACHE_TTL:
        paths = [f"/api/v1/specs/{spec.id}?", f"/api/v1/specs/{spec.id}?include=items", f"/api/v1/projects/{spec.project_id}/specs?page_size=20"]
        cache.delete(*(f"flask:{g.user}:{path}" for path in paths))


def conditional(answer):
    tag = answer.headers.get("ETag")
    if tag and request.headers.get("If-None-Match") == tag:
        return Response(status=304, headers={"ETag": tag})
    return answer


def specification_of(spec_id, lock=False):
    query = Session.query(Specification).join(Project, (Project.owner_id == Specification.owner_id) & (Project.id == Specification.project_id))
    query = query.filter(Specification.id == spec_id, Specification.owner_id == g.user, Project.deleted_at.is_(None), Specification.deleted_at.is_(None))
    if lock:
        query = query.with_for_update(of=Specification, key_share=True)
    return query.one_or_none() or abort(404)


def items_of(spec):
    items = Session.query(Item).filter(Item.specification_id == spec.id, Item.owner_id == g.user).all()
    place = {item: n for n, item in enumerate(spec.item_ids)}
    return [item.view(spec, place[item.id]) for item in sorted(items, key=lambda item: place[item.id])]


@app.get("/api/v1/specs/<uuid:spec_id>")
def get_specification(spec_id):
    def read():
        spec = specification_of(str(spec_id))
        body = spec.view()
        if request.args.get("include") == "items":
            body["items"] = items_of(spec)
        return reply(body, etag=spec.version)

    return cached(read)


@app.get("/api/v1/projects/<uuid:project_id>/specs")
def list_specifications(project_id):
    def read():
        size = int(request.args.get("page_size", 50))
        project = Session.query(Project).filter_by(id=str(project_id), owner_id=g.user, deleted_at=None).one_or_none() or abort(404)
        query = Session.query(Specification).filter_by(project_id=project.id, owner_id=g.user, deleted_at=None)
        rows = query.order_by(Specification.number, Specification.id).limit(size + 1).all()
        token = jwt.encode({"n": rows[size - 1].number, "u": g.user}, SECRET) if len(rows) > size else ""
        return reply({"specifications": [row.view() for row in rows[:size]], "next_page_token": token})

    return cached(read)


def given(*names):
    """The body, of which each name is optional text."""
    body = request.get_json()
    if not isinstance(body, dict) or any(name not in names or not isinstance(value, str) for name, value in body.items()):
        abort(422)
    if "content" in body and not 0 < len(body["content"].strip()) <= 100_000:
        abort(422)
    return body


def match(row):
    tag = request.headers.get("If-Match", "*")
    if tag != "*" and tag.strip('"').split("-")[0] != str(row.version):
        abort(412)


def now():
    return datetime.now(timezone.utc)


@app.patch("/api/v1/specs/<uuid:spec_id>")
def patch_specification(spec_id):
    body = given("title", "content")
    spec = specification_of(str(spec_id), lock=True)
    match(spec)
    spec.title = body.get("title", spec.title).strip()
    spec.content = body.get("content", spec.content)
    if Session.is_modified(spec):
        spec.updated_at = now()
    Session.commit()
    forget(spec)
    return reply(spec.view(), etag=spec.version)


@app.post("/api/v1/projects/<uuid:project_id>/specs")
def create_specification(project_id):
    body = given("title", "content")
    project = Session.query(Project).filter_by(id=str(project_id), owner_id=g.user, deleted_at=None).with_for_update(key_share=True).one_or_none() or abort(404)
    if project.specification_count >= 1000:
        abort(409)
    at = now()
    title = body.get("title", "").strip() or re.sub(r"^[#\-*\s]+", "", body["content"]).split("\n")[0][:200]
    spec = Specification(
        id=new_id(), project_id=project.id, owner_id=g.user, number=project.next_number, title=title,
        content=body["content"], item_ids=[], next_item_number=1, created_at=at, updated_at=at,
    )
    Session.add(spec)
    project.specification_count += 1
    project.next_number += 1
    project.updated_at = at
    Session.commit()
    forget(spec)
    return reply(spec.view(), 201, etag=1, location=f"/api/v1/specs/{spec.id}")


@app.post("/api/v1/specs/<uuid:spec_id>/items")
def create_item(spec_id):
    body = given("content")
    spec = specification_of(str(spec_id), lock=True)
    if len(spec.item_ids) >= 500:
        abort(409)
    at, order = now(), len(spec.item_ids)
    item = Item(
        id=new_id(), specification_id=spec.id, owner_id=g.user, number=spec.next_item_number, content=body["content"],
        created_at=at, updated_at=at,
    )
    Session.add(item)
    spec.item_ids = spec.item_ids + [item.id]
    spec.next_item_number += 1
    spec.updated_at = at
    Session.commit()
    forget(spec)
    return reply(item.view(spec, order), 201, etag=f"1-{order}", location=f"/api/v1/items/{item.id}")


@app.patch("/api/v1/items/<uuid:item_id>")
def patch_item(item_id):
    body = given("content")
    item = Session.query(Item).filter_by(id=str(item_id), owner_id=g.user).one_or_none() or abort(404)
    spec = specification_of(item.specification_id, lock=True)
    Session.refresh(item)
    match(item)
    if body.get("content", item.content) != item.content:
        item.content = body["content"]
        spec.updated_at = item.updated_at = now()
    order = spec.item_ids.index(item.id)
    Session.commit()
    forget(spec)
    return reply(item.view(spec, order), etag=f"{item.version}-{order}")


@app.put("/api/v1/specs/<uuid:spec_id>/items/reorder")
def reorder_items(spec_id):
    body = request.get_json()
    wanted = body.get("item_ids") if isinstance(body, dict) else None
    if not isinstance(wanted, list) or len(set(wanted)) != len(wanted):
        abort(422)
    spec = specification_of(str(spec_id), lock=True)
    match(spec)
    if set(wanted) != set(spec.item_ids):
        abort(409)
    if wanted != spec.item_ids:
        spec.item_ids = wanted
        spec.updated_at = now()
    items = items_of(spec)
    Session.commit()
    forget(spec)
    return reply({"items": items, "next_page_token": ""}, etag=spec.version)
