-- People sign in with a browser, and to the relying parties of OpenID Connect.

-- Where a connector may have people sent back to: JSON arrays of URIs.
ALTER TABLE connectors ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '[]' CHECK (json_type(redirect_uris) = 'array');
ALTER TABLE connectors ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]'
    CHECK (json_type(post_logout_redirect_uris) = 'array');
-- 1 for one that can keep no secret (RFC 6749, section 2.1): its secret_hash is of no secret.
ALTER TABLE connectors ADD COLUMN public INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1));
ALTER TABLE connectors ADD COLUMN require_pkce INTEGER NOT NULL DEFAULT 1 CHECK (require_pkce IN (0, 1) AND require_pkce >= public);
-- How its ID tokens are signed.
ALTER TABLE connectors ADD COLUMN id_token_algorithm TEXT NOT NULL DEFAULT 'RS256'
    CHECK (id_token_algorithm IN ('EdDSA', 'ES256', 'RS256'));

-- What begins and carries on a session, each by the digest of a secret: 'refresh' tokens; the 'browser' in which a person is
-- signed in, a family of its own; and the authorization 'code' that a family of refresh tokens begins with.
ALTER TABLE refresh_tokens ADD COLUMN kind TEXT NOT NULL DEFAULT 'refresh' CHECK (kind IN ('refresh', 'browser', 'code'));
-- When the person last gave the password for it.
ALTER TABLE refresh_tokens ADD COLUMN authenticated_at INTEGER CHECK (kind = 'refresh' OR authenticated_at IS NOT NULL);
-- The family of the browser that it was begun in. It ends with that.
ALTER TABLE refresh_tokens ADD COLUMN browser TEXT CHECK (kind <> 'browser' OR browser = family);
-- What a code is bound to: the relying party's nonce, where it was sent, and the challenge that its verifier answers.
ALTER TABLE refresh_tokens ADD COLUMN nonce TEXT;
ALTER TABLE refresh_tokens ADD COLUMN redirect_uri TEXT CHECK (kind <> 'code' OR redirect_uri IS NOT NULL);
ALTER TABLE refresh_tokens ADD COLUMN code_challenge TEXT;

CREATE INDEX refresh_tokens_browser ON refresh_tokens(browser) WHERE browser IS NOT NULL;

-- What ID tokens are signed by: a handful among connectors that nobody signs in to.
CREATE INDEX connectors_relying ON connectors(id_token_algorithm) WHERE redirect_uris <> '[]';
