"""Authlib with httpx, asynchronously: client credentials and the code flow."""

import asyncio

from authlib.integrations.httpx_client import AsyncOAuth2Client

from accord import CALLBACK, EMAIL, Browser, at, connector


async def main():
    made = connector(scopes=["accounts:read"])
    async with AsyncOAuth2Client(made["clientId"], made["clientSecret"], scope="accounts:read") as own:
        token = await own.fetch_token(at("/oauth/token"), grant_type="client_credentials")
        assert token["scope"] == "accounts:read", token
        accounts = (await own.get(at("/api/accounts"))).json()
        assert accounts["value"][0]["id"] == made["accountId"], accounts
    more = {"scope": "openid email", "redirect_uri": CALLBACK, "code_challenge_method": "S256"}
    async with AsyncOAuth2Client(made["clientId"], made["clientSecret"], **more) as client:
        url, state = client.create_authorization_url(at("/oauth/authorize"), code_verifier="b" * 48)
        back = Browser().sign_in(url)
        await client.fetch_token(at("/oauth/token"), authorization_response=back, state=state, code_verifier="b" * 48)
        info = (await client.get(at("/oauth/userinfo"))).json()
        assert info["email"] == EMAIL, info


asyncio.run(main())
print("client credentials and a list, code flow and userinfo: an id and the e-mail address checked")
