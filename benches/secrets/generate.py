"""Writes a folder of files with made-up credentials and look-alikes, and what is what.

    python3 benches/secrets/generate.py FOLDER [SEED]
    python3 benches/secrets/score.py FOLDER threatgate=OUTPUT.json kingfisher=… detect-secrets=…

The formats are described here once more, by hand and not from `rules/`, so that the rules are
measured against something else than themselves. No value was ever issued by anybody.
"""

import base64
import json
import os
import random
import sys
import zlib

B62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SETS = {
    "w": B62,
    "x": "0123456789abcdef",
    "X": "0123456789ABCDEF",
    "u": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "l": "abcdefghijklmnopqrstuvwxyz0123456789",
    "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "d": "0123456789",
    "s": B62 + "-_",
    "b": B62 + "+/",
    "2": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
}

# Name that the value is given, and its form: {set length}, {crc62}, {crc32le}, {uuid}.
MARKED = """
GITHUB_TOKEN ghp_{w30}{crc62}
GITHUB_OAUTH gho_{w30}{crc62}
GH_INSTALL ghs_{w30}{crc62}
GH_PAT github_pat_{w22}_{w59}
GITLAB_PAT glpat-{s20}
GITLAB_DEPLOY gldt-{s20}
GITLAB_RUNNER glrt-{s20}
NPM_AUTH npm_{w30}{crc62}
AWS_KEY AKIA{2.16}
STRIPE sk_live_{w24}
STRIPE_RESTRICTED rk_live_{w99}
SLACK_BOT xoxb-{d12}-{d12}-{w24}
SLACK_APP xapp-1-A{u10}-{d13}-{x64}
SLACK_HOOK https://hooks.slack.com/services/T{u8}/B{u10}/{w24}
DISCORD_HOOK https://discord.com/api/webhooks/1{d18}/{s68}
TELEGRAM {d10}:AA{s33}
SENDGRID SG.{s22}.{s43}
MAILGUN key-{x32}
MAILCHIMP {x32}-us14
BREVO xkeysib-{x64}-{w16}
MAILERSEND mlsn.{x64}
GOOGLE_MAPS AIza{s35}
GOOGLE_OAUTH GOCSPX-{s28}
GOOGLE_ACCESS ya29.{s120}
FCM AAAA{s7}:APA91b{s134}
AZURE_CONN DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={b86}==;EndpointSuffix=core.windows.net
AZURE_DEVOPS {w76}AZDO{w4}
AZURE_AD {w3}8Q~{w34}
AZURE_BUS Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={b43}=
DO_TOKEN dop_v1_{x64}
HEROKU HRKU-AA{s58}
VAULT hvs.{s95}
TFC {w14}.atlasv1.{s67}
DATABRICKS dapi{x32}
NETLIFY nfp_{w36}
PLANETSCALE pscale_tkn_{s43}
SUPABASE sbp_{x40}
SUPABASE_SECRET sb_secret_{s31}
DOPPLER dp.pt.{w43}
PULUMI pul-{x40}
LINEAR lin_api_{w40}
NOTION ntn_{d11}{w35}
FIGMA figd_{s40}
POSTMAN PMAK-{x24}-{x34}
AIRTABLE pat{w14}.{x64}
CONTENTFUL CFPAT-{s43}
HUBSPOT pat-na1-{uuid}
OPENAI sk-proj-{s74}T3BlbkFJ{s74}
OPENAI_OLD sk-{w20}T3BlbkFJ{w20}
ANTHROPIC sk-ant-api03-{s93}AA
HUGGINGFACE hf_{a34}
REPLICATE r8_{w37}
GROQ gsk_{w52}
XAI xai-{w80}
PERPLEXITY pplx-{w48}
OPENROUTER sk-or-v1-{x64}
LANGSMITH lsv2_pt_{x32}_{x10}
LANGFUSE sk-lf-{uuid}
NVIDIA nvapi-{s64}
PINECONE pcsk_{w5}_{w63}
TAVILY tvly-{w32}
APIFY apify_api_{w36}
NEW_RELIC NRAK-{u27}
SENTRY sntryu_{x64}
GRAFANA glsa_{w32}_{crc32le}
DYNATRACE dt0c01.{u24}.{u64}
HONEYCOMB hcaik_{l58}
AXIOM xaat-{uuid}
POSTHOG phx_{w43}
SHOPIFY shpat_{x32}
SQUARE sq0csp-{s43}
BRAINTREE access_token$production${l16}${x32}
PLAID access-production-{uuid}
PADDLE pdl_live_apikey_{l26}_{w22}_{w3}
SHIPPO shippo_live_{x40}
EASYPOST EZAK{w54}
RAZORPAY rzp_live_{w14}
DOCKER dckr_pat_{s27}
RUBYGEMS rubygems_{x48}
NUGET oy2{2l43}
CLOJARS CLOJARS_{l60}
SONAR sqp_{x40}
JFROG AKCp{w69}
CIRCLECI CCIPAT_{w22}_{x40}
BUILDKITE bkua_{x40}
ATLASSIAN ATATT3xFfGF0{s170}={X8}
BITBUCKET ATBB{w32}
TAILSCALE tskey-auth-{w14}-{w32}
OPENSHIFT sha256~{s43}
SWARM SWMTKN-1-{l50}-{l25}
RANCHER token-{l5}:{l54}
BACKBLAZE K003{b27}
SCALEWAY SCW{u17}
NEON napi_{l64}
COCKROACH CCDB1_{w22}_{w40}
AIVEN AVNS_{s19}
MAPBOX sk.eyJ1IjoiZX{w70}.{s22}
TYPEFORM tfp_{w44}_{w14}
TRELLO ATTA{x72}
CLICKUP pk_{d8}_{u32}
CALCOM cal_live_{x32}
RIOT RGAPI-{uuid}
STATSIG secret-{w43}
RESEND re_{w8}_{w24}
CLOUDINARY cloudinary://{d15}:{s27}@shop
FLY fm2_{b140}
TENCENT AKID{w32}
YANDEX AQVN{s36}
RENDER rnd_{w32}
INFISICAL st.{x24}.{x32}.{x32}
BEARER_JWT {jwt}
PG_URL postgres://shop:{w20}@db.shop.io:5432/shop
MONGO mongodb+srv://shop:{w16}@c0.ab1c.mongodb.net/shop
AMQP amqps://shop:{w24}@mq.shop.io/shop
GIT_URL https://deploy:{w30}@git.shop.io/shop.git
"""
NAMED = """
AWS_SECRET_ACCESS_KEY {b40}
DATADOG_API_KEY {x32}
CLOUDFLARE_API_TOKEN {s40}
HEROKU_API_KEY {uuid}
TWILIO_AUTH_TOKEN {x32}
FASTLY_API_TOKEN {s32}
ALGOLIA_ADMIN_KEY {x32}
LINODE_TOKEN {x64}
HETZNER_TOKEN {w64}
COHERE_API_KEY {w40}
MISTRAL_API_KEY {w32}
DEEPGRAM_API_KEY {x40}
ELEVENLABS_API_KEY sk_{x48}
OKTA_API_TOKEN 00{s40}
AUTH0_CLIENT_SECRET {s64}
SPOTIFY_CLIENT_SECRET {x32}
TWITCH_CLIENT_SECRET {l30}
FACEBOOK_APP_SECRET {x32}
PAYPAL_CLIENT_SECRET E{s79}
CODECOV_TOKEN {uuid}
SNYK_TOKEN {uuid}
PAGERDUTY_API_KEY {w20}
ZENDESK_API_TOKEN {w40}
POSTMARK_SERVER_TOKEN {uuid}
DEEPL_API_KEY {uuid}:fx
SECRET_KEY {w50}
JWT_SECRET {x64}
SESSION_SECRET {b44}
DB_PASSWORD {w24}
ENCRYPTION_KEY {x64}
"""

LOOK_ALIKES = [
    ("py", 'GITHUB_TOKEN = os.environ["GITHUB_TOKEN"]'),
    ("py", 'AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"'),
    ("py", 'AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"'),
    ("py", 'REQUEST_ID = "{uuid}"'),
    ("py", 'SHA256 = "{x64}"'),
    ("py", 'password = getpass("Password for the shop, 8+ characters: ")'),
    ("py", 'TOKEN_URL = "https://login.shop.io/oauth2/v2.0/token"'),
    ("py", 'password_hash = "$2b$12${w53}"'),
    ("js", "const token = req.headers['x-access-token'];"),
    ("js", "const apiKey = process.env.STRIPE_SECRET_KEY || 'sk_test_xxxxxxxxxxxxxxxxxxxxxxxx';"),
    ("js", 'const icon = "data:image/png;base64,iVBORw0KGgo{b300}";'),
    ("js", 'const COMMIT = "{x40}";'),
    ("js", "const publishable = 'pk_live_{w24}';"),
    ("js", "//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjoz{b200}"),
    ("json", '{"integrity": "sha512-{b86}=="}'),
    ("json", '{"resolved": "https://r.shop.io/a/-/a-1.0.0.tgz#{x40}"}'),
    ("json", '{"password": "Passwort vergessen? Hier neu setzen"}'),
    ("json", '{"id": "{uuid}", "etag": "{x32}"}'),
    ("yml", "        password: ${DB_PASSWORD}"),
    ("yml", "        api_token: {{ vault_api_token }}"),
    ("yml", "        secretKeyRef: shop-db-password"),
    ("yml", "        image: shop@sha256:{x64}"),
    ("yml", "    - uses: actions/checkout@{x40}"),
    ("env", "API_KEY=your-api-key-here"),
    ("env", "DB_PASSWORD=changeme"),
    ("env", "SECRET_KEY=<generate one with openssl rand>"),
    ("env", "DATABASE_URL=postgres://postgres:postgres@localhost:5432/shop"),
    ("svg", '<path d="M12 2C6.48 2 2 6.48 2 12s4.48 10 10 10 10-4.48 10-10S17.52 2 12 2z{d60}"/>'),
    ("css", ".a{{background:url(data:font/woff2;base64,{b400})}}"),
    ("md", "Set `GITHUB_TOKEN` to a token such as `ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`."),
    ("go", 'const digest = "sha256:{x64}"'),
    ("go", 'pub := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA{b44} dev@shop"'),
    ("rs", 'const TABLE: [u8; 4] = *b"abcd"; // {x64}'),
    ("xml", "<artifactId>password-encoder-{d4}</artifactId>"),
    ("properties", "spring.datasource.password=${DB_PASSWORD}"),
    ("html", '<input type="password" name="password" id="id_password_{d4}">'),
]


def uuid(draw):
    return "-".join(draw("x", n) for n in (8, 4, 4, 4, 12))


def b64url(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def base62(number):
    digits = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        digits = B62[rest] + digits
    return digits


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def draw(self, which, length):
        return "".join(self.random.choice(SETS[which]) for _ in range(length))

    def fill(self, form):
        out, rest = "", form
        while "{" in rest:
            before, _, rest = rest.partition("{")
            word, closed, after = rest.partition("}")
            out += before
            if word == "uuid":
                out += uuid(self.draw)
            elif word == "jwt":
                head = b64url('{"alg":"HS256","typ":"JWT"}')
                body = b64url('{"sub":"%s","iat":17%s}' % (self.draw("x", 12), self.draw("d", 8)))
                out += f"{head}.{body}.{self.draw('s', 43)}"
            elif word == "crc62":
                body = out.split("_", 1)[1]
                out += base62(zlib.crc32(body.encode()))
            elif word == "crc32le":
                out += zlib.crc32(out[:-1].encode()).to_bytes(4, "little").hex()
            elif word.startswith("2l"):
                out += self.draw("2", int(word[2:])).lower()
            elif word.startswith("2."):
                # The first digit of ten is small, so that the account has twelve digits.
                out += "A" + self.draw("2", int(word[2:]) - 1)
            elif word[:1] in SETS and word[1:].isdigit():
                out += self.draw(word[0], int(word[1:]))
            else:
                out += "{" + word + closed
            rest = after
        return (out + rest).replace("{{", "{").replace("}}", "}")


PLACES = [
    ("settings.py", '{name} = "{value}"'),
    ("client.js", "const {camel} = '{value}';"),
    ("config.ts", "  {camel}: '{value}',"),
    (".env", "{name}={value}"),
    ("values.yaml", "  {lower}: {value}"),
    ("config.json", '  "{camel}": "{value}",'),
    ("main.go", '\t{camel} := "{value}"'),
    ("Config.java", '    static final String {name} = "{value}";'),
    ("config.rb", "  {lower}: '{value}',"),
    ("config.php", "    '{lower}' => '{value}',"),
    ("terraform.tfvars", '{lower} = "{value}"'),
    ("application.properties", "{dotted}={value}"),
    ("main.rs", 'const {name}: &str = "{value}";'),
    ("Program.cs", '    private const string {name} = "{value}";'),
]
FILLERS = [
    "timeout: 30", "# retries on failure", "name: shop", "region: eu-central-1", "debug: false",
    "log_level: info", "workers: 4", "host: api.shop.io",
]


def main():
    folder = sys.argv[1]
    maker = Maker(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    truth = []

    def write(path, lines):
        full = os.path.join(folder, "files", path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write("\n".join(lines) + "\n")

    forms = [line.split(" ", 1) for line in (MARKED + NAMED).split("\n") if line]
    count = 0
    for number, (name, form) in enumerate(forms):
        for turn in range(3):
            place, line = PLACES[(number * 3 + turn * 5) % len(PLACES)]
            value = maker.fill(form)
            lower = name.lower()
            camel = lower.split("_")[0] + "".join(w.capitalize() for w in lower.split("_")[1:])
            # The names of marked values are not always telling.
            if number < len(MARKED.split("\n")) - 2 and turn == 2:
                name, lower, camel = "DEFAULT", "default", "default"
            text = line.replace("{name}", name).replace("{lower}", lower).replace("{camel}", camel)
            text = text.replace("{dotted}", lower.replace("_", ".")).replace("{value}", value)
            lines = maker.random.sample(FILLERS, 2) + [text] + maker.random.sample(FILLERS, 1)
            path = f"s{count:03}/{place}"
            write(path, lines)
            truth.append({"path": path, "line": 3, "format": form, "secret": True})
            count += 1
    for number, (kind, line) in enumerate(LOOK_ALIKES * 4):
        path = f"l{number:03}/{'.env' if kind == 'env' else 'app.' + kind}"
        text = maker.fill(line)
        write(path, ["a", text])
        truth.append({"path": path, "line": 2, "format": line, "secret": False})
    with open(os.path.join(folder, "truth.json"), "w") as file:
        json.dump(truth, file, indent=1)
    print(f"{count} credentials of {len(forms)} formats, {len(LOOK_ALIKES) * 4} look-alikes")


main()
