# Sourced by the scripts beside it: brings Node and pnpm where the host's are missing or older, installs, builds.
# Everything comes from npm and stays below this checkout; what is there already is not done again.

BOOTSTRAP_STARTED_S=$(date +%s)
ROOT=$(cd "$(dirname "$0")/.." && pwd -P)
SETUP_LOG="$ROOT/.local/setup.log"
TOOLCHAIN="$ROOT/.local/toolchain"
export BOOTSTRAP_STARTED_S TURBO_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# The comment at the top of a script is its help.
case "${1-}" in
  -h | --help)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

# Runs a step with its output in the log; on failure says in one line what to do.
quietly() {
  what=$1
  shift
  "$@" >"$SETUP_LOG" 2>&1 && return 0
  if grep -Eq 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|NO_OFFLINE' "$SETUP_LOG"; then
    fail "$what needs the npm registry and cannot reach it: check the network, or npm's registry and proxy settings (details: .local/setup.log)."
  fi
  tail -n 25 "$SETUP_LOG" >&2
  fail "$what failed (details: .local/setup.log)."
}

# at_least PROGRAM MAJOR[.MINOR]
at_least() {
  command -v "$1" >/dev/null 2>&1 || return 1
  "$1" --version 2>/dev/null | sed 's/^v//' | awk -F. -v wanted="$2" '
    NR == 1 { split(wanted, least, "."); isEnough = $1 > least[1] + 0 || ($1 == least[1] + 0 && $2 >= least[2] + 0) }
    END { exit !isEnough }'
}

find_toolchain() {
  # From 24.10 on, node:sqlite can refuse what a file would have SQLite do.
  at_least node 24.10 && at_least pnpm 12 && return 0
  if [ ! -x "$TOOLCHAIN/node_modules/.bin/pnpm" ] || ! at_least "$TOOLCHAIN/node_modules/.bin/node" 24.10; then
    at_least node 20 || fail 'Node 20 or newer with npm is needed to begin with: install it (for instance "apt install nodejs npm" or "brew install node") and run this again.'
    command -v npm >/dev/null 2>&1 || fail 'npm is needed to begin with: install it (for instance "apt install npm") and run this again.'
    echo 'Bringing Node 24 and pnpm from npm, once …' >&2
    mkdir -p "$TOOLCHAIN"
    quietly 'Bringing Node 24 and pnpm' npm install --prefix "$TOOLCHAIN" --no-audit --no-fund --loglevel=error node@24 pnpm@12
  fi
  PATH="$TOOLCHAIN/node_modules/.bin:$PATH"
  export PATH
}

install_packages() {
  stamp="$ROOT/node_modules/.installed-lockfile"
  wanted=$(cat pnpm-lock.yaml pnpm-workspace.yaml | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
  echo 'Installing packages …' >&2
  quietly 'Installing packages' pnpm install --frozen-lockfile --prefer-offline
  printf '%s\n' "$wanted" >"$stamp"
}

cd "$ROOT" || exit 1
# Not ":": a redirection that fails ends a shell at once when the command is one of its special ones.
{ mkdir -p .local && true >"$SETUP_LOG"; } 2>/dev/null || fail "Cannot write to $ROOT: make the checkout writable or clone it into a folder of yours."
find_toolchain
install_packages
quietly 'Building' node_modules/.bin/turbo run build --output-logs=errors-only --no-update-notifier
