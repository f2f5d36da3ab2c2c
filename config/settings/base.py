"""Settings that are safe in production unless the environment says DEMO=1 (the embedded default of `make run`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from anchoring.kinds import BUILT_IN
from config.settings.env import (
    LOOPBACK_HOSTS,
    broker_url,
    env,
    key_bytes,
    metrics_token,
    networks,
    optional_key_bytes,
    secret,
)

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))

# The demo door (one-click personas, seeded people) exists only with DEMO=1, and only on loopback.
DEMO: bool = env.bool("DEMO", False)
DEBUG = False
if env.bool("DEBUG", False):
    raise ImproperlyConfigured("DEBUG is never on: pages must not show their insides. Use DEMO=1 for the demonstration")

PUBLIC_URL: str = env.str("PUBLIC_URL", "http://localhost:8000" if DEMO else "").rstrip("/")
_PUBLIC = urlsplit(PUBLIC_URL)
IS_LOOPBACK = _PUBLIC.hostname in {"localhost", "127.0.0.1"}
if not _PUBLIC.hostname or (_PUBLIC.scheme != "https" and not IS_LOOPBACK):
    raise ImproperlyConfigured("PUBLIC_URL must be the https address that citizens open")
if _PUBLIC.path or _PUBLIC.query or _PUBLIC.fragment or _PUBLIC.username:
    raise ImproperlyConfigured("PUBLIC_URL is scheme, host and port only: identifiers are made by adding paths to it")
if DEMO and not IS_LOOPBACK:
    raise ImproperlyConfigured("DEMO=1 signs anyone in with one click: it runs on loopback only")

SECRET_KEY = secret("SECRET_KEY")
# Wraps every stored private key and every person's data key.
KEY_ENCRYPTION_KEY = key_bytes("KEY_ENCRYPTION_KEY")
# Keys the HMAC by which identity numbers and the person-WeID link are looked up.
LOOKUP_KEY = key_bytes("LOOKUP_KEY")
# Ed25519 seed of the log's checkpoint signer.
LOG_SIGNING_SEED = key_bytes("LOG_SIGNING_SEED")
if len({KEY_ENCRYPTION_KEY, LOOKUP_KEY, LOG_SIGNING_SEED}) < 3:
    raise ImproperlyConfigured("KEY_ENCRYPTION_KEY, LOOKUP_KEY and LOG_SIGNING_SEED must differ from each other")
LOG_ORIGIN: str = env.str("LOG_ORIGIN", f"{_PUBLIC.netloc}/log")
# With it this deployment witnesses the logs of others, under the key name WITNESS_NAME; without it, it does not.
WITNESS_SIGNING_SEED = optional_key_bytes("WITNESS_SIGNING_SEED")
if WITNESS_SIGNING_SEED in {KEY_ENCRYPTION_KEY, LOOKUP_KEY, LOG_SIGNING_SEED}:
    raise ImproperlyConfigured("WITNESS_SIGNING_SEED must differ from every other key")
WITNESS_NAME: str = env.str("WITNESS_NAME", f"{_PUBLIC.netloc}/witness")
# How many checkpoints of one log are cosigned: each costs two signatures and two writes to disk.
WITNESS_LOG_RATE: str = env.str("WITNESS_LOG_RATE", "120/min")
# How many sign-ins by presentation one address may begin.
SIGN_IN_RATE: str = env.str("SIGN_IN_RATE", "30/min")
# Two logs that enter each other's checkpoints grow by doing so: at most one leaf per log and this many seconds.
LOG_IN_LOG_SECONDS: int = env.int("LOG_IN_LOG_SECONDS", 600)

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [_PUBLIC.hostname])
# Links in mail are made from the Host header, so an open list would let strangers choose where they lead.
if "*" in ALLOWED_HOSTS or (DEMO and not LOOPBACK_HOSTS.issuperset(ALLOWED_HOSTS)):
    raise ImproperlyConfigured("ALLOWED_HOSTS must name every host; with DEMO=1, loopback names only")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SITE_NAME = _("Chancela e-certificates")

INSTALLED_APPS = [
    "identity.operator_app.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "django_structlog",
    "anchoring",
    "identity",
    "credentials",
    "authorization",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.DirectRoutesMiddleware",
    "config.middleware.RouteLogMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.WellFormedMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.PrivatePagesMiddleware",
    "config.middleware.CodedErrorMiddleware",
]

# Machine routes that need no session, language cookie or page headers; they skip the middleware below the first two.
DIRECT_ROUTES = frozenset({"/api/v1/verify"})

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "config.forms.PageRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "config.context.page",
            ],
        },
    },
]

DATABASE_URL: str = env.str("DATABASE_URL", f"sqlite:///{VAR_DIR / 'chancela.sqlite3'}" if DEMO else "")
if not DATABASE_URL:
    raise ImproperlyConfigured("DATABASE_URL must name the PostgreSQL database")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}
if not DEMO and not DATABASES["default"]["ENGINE"].endswith("postgresql"):
    raise ImproperlyConfigured("DATABASE_URL must be a PostgreSQL database; SQLite is for the demonstration only")
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN: the embedded default's stand-in for row locks.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = broker_url("CELERY_BROKER_URL", "filesystem://" if DEMO else "")
if not CELERY_BROKER_URL:
    raise ImproperlyConfigured("CELERY_BROKER_URL must name the Redis broker")
if not DEMO and not CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    raise ImproperlyConfigured("CELERY_BROKER_URL must be Redis; other brokers are for the demonstration only")

CACHE_URL = broker_url("CACHE_URL", "locmem://" if CELERY_BROKER_URL.startswith("filesystem") else CELERY_BROKER_URL)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL.startswith("redis")
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

AUTH_USER_MODEL = "identity.Account"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none" if DEMO else "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "identity.account_mail.MailingAdapter"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
# Minutes for which a sign-in, or a repeated one, is proof enough to change devices.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
MFA_ADAPTER = "identity.second_factor.SealedFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Chancela"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOOPBACK
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_ADAPTER = "identity.providers.openid.UpstreamAdapter"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": env.json("OIDC_PROVIDERS", [])}}

# The demonstration keeps its mail in files; elsewhere a mail server carries the links that confirm and reset.
EMAIL_BACKEND = f"django.core.mail.backends.{'filebased' if DEMO else 'smtp'}.EmailBackend"
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_HOST: str = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT: int = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", "").strip()
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", EMAIL_HOST not in LOOPBACK_HOSTS)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", f"no-reply@{_PUBLIC.hostname}")

LANGUAGE_CODE = "zh-hant"
LANGUAGES = [("zh-hant", "繁體中文"), ("zh-hans", "简体中文"), ("pt", "Português"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Macau"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": VAR_DIR / "files"}},
    "staticfiles": {"BACKEND": "config.storage.HashedStaticFilesStorage"},
}
# An upload is a KYC image: it is encrypted into the database and never touches the disk in clear.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

SECURE_SSL_REDIRECT = not IS_LOOPBACK
BEHIND_PROXY: bool = env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Without it everyone shares the proxy's address, and ten wrong passwords by anyone would keep all others out.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
SECURE_HSTS_SECONDS = 0 if IS_LOOPBACK else 63072000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not IS_LOOPBACK
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
CSRF_FAILURE_VIEW = "config.views.reject_csrf"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.json_body.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["identity.views.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    # OPTIONS is a method like any other that an address does not have.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.handle_api_exception",
    "DEFAULT_THROTTLE_RATES": {
        "verify_anonymous": env.str("VERIFY_ANONYMOUS_RATE", "60/min"),
        "wallet_anonymous": env.str("WALLET_ANONYMOUS_RATE", "240/min"),
        "resolve_anonymous": env.str("RESOLVE_ANONYMOUS_RATE", "30/min"),
    },
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chancela API",
    "VERSION": "1",
    "ENUM_NAME_OVERRIDES": {"OfferState": "credentials.openid4vci.offers.STATES"},
    # The first that knows what is sent to others, the webhooks.
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "anchoring.openapi.describe_plain_views",
        "identity.openapi.describe_plain_views",
        "credentials.openapi.describe_plain_views",
        "credentials.openapi_wallets.describe_wallet_routes",
        "authorization.openapi.describe_plain_views",
        "authorization.openapi_webhooks.describe_webhooks",
        "authorization.openapi_sign_in.describe_sign_in",
        "config.openapi.complete_document",
    ],
}

# Registries by which a lower app calls an upper one without importing it.
ANCHORING_LEDGERS: list[str] = env.list("ANCHORING_LEDGERS", ["anchoring.backends.embedded.EmbeddedLedger"])
# Kinds of ledger that `manage.py ledger add` knows, besides those of installed packages.
LEDGER_KINDS = dict(BUILT_IN)
# Longer than any call to a ledger takes: after a crash its attestations wait this long for the next worker.
ATTESTATION_LEASE_SECONDS: int = env.int("ATTESTATION_LEASE_SECONDS", 30)
# The pace of the log: records get their place every so often, or as soon as that many have come; a checkpoint follows
# another no sooner than that, whatever rings; ledgers are looked after that often.
SEQUENCE_SECONDS: float = max(0.1, env.float("SEQUENCE_SECONDS", 1.0))
SEQUENCE_BATCH: int = max(1, env.int("SEQUENCE_BATCH", 256))
CHECKPOINT_SECONDS: float = max(0.1, env.float("CHECKPOINT_SECONDS", 10.0))
ATTEST_SECONDS: float = max(0.1, env.float("ATTEST_SECONDS", 5.0))
# From when on an operator is told: records without a checkpoint, without a place, a ledger behind, a monitor silent.
ALERT_LAG_SECONDS: float = env.float("ALERT_LAG_SECONDS", 60.0)
ALERT_CHECKPOINT_SECONDS: float = env.float("ALERT_CHECKPOINT_SECONDS", 300.0)
ALERT_BACKLOG: int = env.int("ALERT_BACKLOG", 100_000)
ALERT_LEDGER_SECONDS: float = env.float("ALERT_LEDGER_SECONDS", 3600.0)
ALERT_MONITOR_SECONDS: float = env.float("ALERT_MONITOR_SECONDS", 900.0)
# Who reads /metrics: whoever sends the token, or asks directly from one of these networks. Nobody else, so by default
# nobody but, in the demonstration, this machine.
METRICS_TOKEN = metrics_token("METRICS_TOKEN")
METRICS_NETWORKS = networks("METRICS_NETWORKS", ["127.0.0.0/8", "::1/128"] if DEMO else [])
# How often a process adds what it has counted to the totals in the database; 0 never does.
TALLY_SECONDS: float = env.float("TALLY_SECONDS", 5.0)
ALERT_SOURCES = ["identity.alerts.check", "identity.trust_alerts.check"]
AUDIT_SINK = "authorization.audit.record"
# Every change of trust ends with it, in its own transaction.
TRUST_PUBLISHER = "identity.trust_publishing.publish_changes"
TYPE_CATALOGUE = "credentials.catalog.known_types"
# Registers of ours that upper apps fill: name of the list, and where its entries come from.
TRUST_LIST_SOURCES = {"verifiers": "authorization.registrations.registered_verifiers"}
AUTHORIZATION_SOURCE = "authorization.consent.authorization_facts"
# The most days that an organisation may keep what it learned of a certificate of some type.
RETENTION_SOURCE = "authorization.retention.longest_retention"
EVENT_SINK = "authorization.webhooks.emit"
# What waits for a clerk, in the order of the task list (identity.duties says what a source must be).
CLERK_DUTIES = ["identity.duties.kyc_duties", "credentials.duties.application_duties"]
FSCK_CHECKS = ["identity.fsck.check", "credentials.fsck.check", "authorization.fsck.check"]
# Kills the process at a named step, for the fault tests; never outside the demonstration.
CRASH_AT: str = env.str("CRASH_AT", "") if DEMO else ""
KYC_PROVIDERS = ["identity.providers.desk.DeskProvider", "identity.providers.openid.OpenIdProvider"] + (
    ["identity.providers.demo.DemoProvider"] if DEMO else []
)
# Hosts that anchoring.fetch may contact although their address is private: for tests against a loopback server only.
FETCH_ALLOWED_PRIVATE_HOSTS: list[str] = []
# The one origin that anchoring.fetch.post may contact without TLS, although it is private: the demonstration itself.
FETCH_PLAIN_ORIGIN = PUBLIC_URL if DEMO else ""
WEID_CHAIN: str = env.str("WEID_CHAIN", "1")
KYC_DOCUMENT_DAYS: int = env.int("KYC_DOCUMENT_DAYS", 0)
KYC_UNDECIDED_DAYS: int = env.int("KYC_UNDECIDED_DAYS", 90)
# What a verification asks for with `"quorum": "default"` (C2SP tlog-policy text, see docs/procedures/evidence.md).
QUORUM_POLICY: str = env.str("QUORUM_POLICY", "")
# How many copies of a certificate a wallet may fetch at once, each bound to a key of its own.
WALLET_BATCH_SIZE: int = min(50, max(2, env.int("WALLET_BATCH_SIZE", 10)))
# A JWK Set of providers whose word about wallets and keys counts, besides those of `manage.py wallets trust`.
TRUSTED_WALLET_PROVIDERS: str = env.str("TRUSTED_WALLET_PROVIDERS", "")
# Also answers wallets that speak draft 13 of OpenID4VCI.
OPENID4VCI_DRAFT_13: bool = env.bool("OPENID4VCI_DRAFT_13", False)
# Opens the VC-API for the W3C's suites, which sign whatever they are given, by an issuer of their own.
VC_API: bool = env.bool("VC_API", False)
STATUS_LIST_SIZE: int = env.int("STATUS_LIST_SIZE", 1 << 17)
STATUS_TOKEN_TTL: int = env.int("STATUS_TOKEN_TTL", 60)
# How soon a withdrawal elsewhere is noticed here.
TRUST_FETCH_SECONDS: float = max(10.0, env.float("TRUST_FETCH_SECONDS", 900.0))
VERIFY_TRUST_POLL_SECONDS: float = env.float("VERIFY_TRUST_POLL_SECONDS", 1.0)

CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
# What waits for other people's machines queues apart, so that workers given to the rest are never all waiting: ledgers
# and foreign logs, and the receivers of webhooks. A worker that is given no queue serves all.
CELERY_TASK_QUEUES = tuple(Queue(name, routing_key=name) for name in ("celery", "outward", "webhooks"))
CELERY_TASK_ROUTES = {
    "anchoring.attest_on_ledger": {"queue": "outward"},
    "anchoring.ask_ledger": {"queue": "outward"},
    "anchoring.monitor_log": {"queue": "outward"},
    "authorization.deliver_to_endpoint": {"queue": "webhooks"},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "data_folder_in": str(VAR_DIR / "queue"),
        "data_folder_out": str(VAR_DIR / "queue"),
        "control_folder": str(VAR_DIR / "queue-control"),
    }
    if CELERY_BROKER_URL.startswith("filesystem")
    # No waiting for a broker that is down: whoever sends a task has a row in the database that will be found anyway.
    else {"visibility_timeout": 600, "max_retries": 0, "socket_connect_timeout": 2}
)
# The sweepers, not the broker, guarantee progress: a lost message costs one interval.
CELERY_BEAT_SCHEDULE = {
    "sequence": {"task": "anchoring.sequence", "schedule": SEQUENCE_SECONDS},
    # Asks often whether a checkpoint is due: it is signed within this time of CHECKPOINT_SECONDS, never before.
    "sign-checkpoint": {"task": "anchoring.sign_checkpoint", "schedule": min(1.0, CHECKPOINT_SECONDS)},
    "attest": {"task": "anchoring.attest", "schedule": ATTEST_SECONDS},
    "ask-ledgers": {"task": "anchoring.ask_ledgers", "schedule": 60.0},
    "monitor-logs": {"task": "anchoring.monitor", "schedule": 60.0},
    "enter-checkpoints": {"task": "anchoring.enter_checkpoints", "schedule": 60.0},
    "resume-issuance": {"task": "credentials.resume_issuance", "schedule": 30.0},
    "purge-wallets": {"task": "credentials.purge_wallets", "schedule": 3600.0},
    "delete-kept-reports": {"task": "credentials.delete_kept_reports", "schedule": 300.0},
    "purge-envelopes": {"task": "authorization.purge_envelopes", "schedule": 300.0},
    "deliver-webhooks": {"task": "authorization.deliver_webhooks", "schedule": 5.0},
    "purge-webhook-deliveries": {"task": "authorization.purge_webhook_deliveries", "schedule": 3600.0},
    "anchor-audit-head": {"task": "authorization.anchor_audit_head", "schedule": 86400.0},
    "publish-trust-lists": {"task": "identity.publish_trust_lists", "schedule": 300.0},
    "fetch-trust-lists": {"task": "identity.fetch_trust_lists", "schedule": TRUST_FETCH_SECONDS},
    "purge-kyc-documents": {"task": "identity.purge_documents", "schedule": 3600.0},
}

DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# One JSON object a line with request and task ids; codes and ids only, never claim values, tokens or keys.
_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]
structlog.configure(
    processors=[*_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _PROCESSORS,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    # "No hostname was supplied" is how the broker made of files introduces itself.
    "loggers": {
        "kombu.connection": {"level": "ERROR"},
        # Its warnings repeat, with the whole path, what each request's own line says by route.
        "django.request": {"level": "ERROR"},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
}
