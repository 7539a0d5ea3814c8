"""The read and the change of an account with FastAPI and SQLAlchemy, on a copy of Accord's own store.

It takes the tokens that Accord issues and answers as Accord does. As Accord it checks a signature once per token, and
whether the token was revoked and what its user may do at each request.
"""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel
from sqlalchemy import create_engine, event, exists, func, literal, select
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

engine = create_engine(f"sqlite:///{os.environ['STORE']}", pool_size=40)


@event.listens_for(engine, "connect")
def prepare(connection, _):
    for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


Base = automap_base()
Base.prepare(autoload_with=engine)
Account, User, Membership = Base.classes.accounts, Base.classes.people, Base.classes.memberships
Role, RevokedToken, SigningKey = Base.classes.grants, Base.classes.revoked_tokens, Base.classes.signing_keys

with Session(engine) as start:
    KEYS = {key.kid: jwt.PyJWK(json.loads(key.public_jwk)) for key in start.scalars(select(SigningKey))}

VERIFIED: dict[str, dict] = {}

app = FastAPI()


def session():
    with Session(engine) as lent:
        yield lent


def verify(authorization: str) -> dict:
    scheme, _, token = authorization.partition(" ")
    if known := VERIFIED.get(token):
        if datetime.now(UTC).timestamp() < known["exp"]:
            return known
        raise HTTPException(401)
    try:
        key = KEYS[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, ["EdDSA"], audience="accord", issuer="http://127.0.0.1:3000")
    except (jwt.InvalidTokenError, KeyError) as error:
        raise HTTPException(401) from error
    VERIFIED[token] = claims
    return claims


def user(session: Annotated[Session, Depends(session)], authorization: Annotated[str, Header()]) -> int:
    claims = verify(authorization)
    revoked = exists().where(RevokedToken.jti.in_([claims["jti"], claims.get("session")]))
    found = session.scalar(
        select(User.id).where(
            User.uuid == claims["sub"],
            User.password_version == claims["password_version"],
            ~revoked,
        )
    )
    if found is None:
        raise HTTPException(401)
    return found


def roles(session: Session, account_id: int, user_id: int) -> str | None:
    chain = select(literal(account_id).label("id")).cte("chain", recursive=True)
    owner = select(Account.owner_id).join(chain, Account.id == chain.c.id).where(Account.owner_id.is_not(None))
    chain = chain.union(owner)
    return session.scalar(
        select(func.group_concat(Role.role, " "))
        .select_from(chain)
        .join(
            Membership,
            (Membership.account_id == chain.c.id) & (Membership.person_id == user_id) & (Membership.status == "active"),
        )
        .join(Role, (Role.account_id == Membership.account_id) & (Role.person_id == Membership.person_id))
    )


def time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


class Shown(BaseModel):
    id: int
    name: str
    description: str | None
    status: str
    createdAt: str
    updatedAt: str
    accountKey: str
    registrationId: str | None
    type: str
    subdomain: str | None
    country: str | None
    primaryContact: str | None


class Change(BaseModel):
    description: str


def shown(account, response: Response) -> Shown:
    response.headers["ETag"] = f'"{account.version}"'
    response.headers["X-Request-Id"] = str(uuid.uuid4())
    return Shown(
        id=account.id,
        name=account.name,
        description=account.description,
        status=account.status,
        createdAt=time(account.created_at),
        updatedAt=time(account.updated_at),
        accountKey=account.account_key,
        registrationId=account.registration_id,
        type=account.type,
        subdomain=account.subdomain,
        country=account.country,
        primaryContact=account.primary_contact,
    )


@app.get("/api/accounts/{account_id}")
def get(
    account_id: int,
    response: Response,
    session: Annotated[Session, Depends(session)],
    user_id: Annotated[int, Depends(user)],
) -> Shown:
    account = session.get(Account, account_id)
    if account is None or roles(session, account_id, user_id) is None:
        raise HTTPException(404)
    return shown(account, response)


@app.patch("/api/accounts/{account_id}")
def patch(
    account_id: int,
    change: Change,
    response: Response,
    session: Annotated[Session, Depends(session)],
    user_id: Annotated[int, Depends(user)],
) -> Shown:
    account = session.get(Account, account_id)
    if account is None or roles(session, account_id, user_id) is None:
        raise HTTPException(404)
    account.description = change.description
    account.version += 1
    account.updated_at = int(datetime.now(UTC).timestamp() * 1000)
    answer = shown(account, response)
    session.commit()
    return answer
