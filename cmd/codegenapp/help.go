package main

// Help adds the settings that matter to the help of codegenapp dev.
func (*devCommand) Help() string {
	return `It needs no settings: it starts a private PostgreSQL, applies the migrations, starts a page that stands in for Google, signs in ann@example.com, and prints how to use it. Data, keys and ports stay the same from start to start.

These settings from the environment change it:

    HTTP_ADDR            address, such as 0.0.0.0:8080 (default: localhost:8080)
    CORS_ORIGINS         origins of web pages (default: http://localhost:*,http://127.0.0.1:*)
    ADMIN_EMAILS         users who become admins (default: admin@example.com)
    RATELIMIT_DEFAULT    requests of a user (default: 6000/minute)
    RATELIMIT_ENABLED    false turns rate limits off
    LOG_FORMAT           console, text or json (default: console)
    LOG_LEVEL            DEBUG, INFO, WARNING or ERROR (default: INFO)

Limits and lifetimes of tokens have the same names as for serve; see codegenapp env. A file .env is not read.`
}

// Help says where the settings of codegenapp serve come from.
func (*serveCommand) Help() string {
	return `Settings come from the environment, then from the file .env in the current directory. The server needs these:

    DATABASE_URL        PostgreSQL, as a role that row-level security restricts
    GOOGLE_CLIENT_ID    the OAuth client whose users may sign in
    SECRET_KEY          at least 32 random bytes
    JWT_SECRET_KEY      at least 32 other random bytes, or JWT_PRIVATE_KEY_FILE

These are set in most deployments:

    APP_ENV             production (default) or development
    HTTP_ADDR           address to listen at (default: :8080)
    TRUSTED_PROXIES     proxies in front of the server, or TLS_CERT_FILE and TLS_KEY_FILE
    CORS_ORIGINS        origins of web pages that call the API
    REDIS_URL           shared rate limits and cache, for more than one replica

codegenapp env prints every setting with its description, in the form of .env (the file .env.example of the sources). codegenapp doctor checks them. codegenapp migrate up prepares the database before the first start.`
}
