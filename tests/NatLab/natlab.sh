#!/usr/bin/env bash
# A NAT laboratory out of network namespaces. Nothing in it is connected to the machine's own network: the namespaces
# are joined to each other only. README.md has the picture, the types and why the rules are as they are.
#
#   natlab.sh up [OPTIONS] SITE=TYPE...    for example: up --delay 25 A=port-restricted B=symmetric C=open
#       --hosts N      hosts of each site (default 2): a1 a2 behind natA, ...
#       --public N     public hosts (default 3): relay pub2 pub3 ...
#       --ipv6         global IPv6 addresses too, routed, behind stateful firewalls
#       --hairpin      a LAN host reaches its own router's forwarded and mapped ports from inside
#       --loose        a router takes up running connections again that it does not know (after a reboot)
#       --line MBIT    what each host or router on the public segment can send, and receive, at most (tc-tbf)
#       --delay MS --jitter MS --loss PERCENT --rate MBIT     each crossing of the public segment, one way
#   natlab.sh down                         also clears what a crash left behind
#   natlab.sh prune                        downs the laboratories whose owner (a process id in NATLAB_OWNER at up) is gone
#   natlab.sh status | hosts | check       check: joined as it should be, and nothing leads out
#   natlab.sh exec HOST COMMAND...         run a program inside a host
#   natlab.sh nat SITE TYPE                another type while running; forgets its connections
#   natlab.sh type SITE
#   natlab.sh shape [--delay ...]          another network while running; no option: a perfect one
#   natlab.sh reboot SITE [SECONDS]        the routers forget all connections, and are dark for so long
#   natlab.sh cut NAME | heal NAME         nothing passes in or out of a host or router | it does again
#   natlab.sh forward SITE PORT HOST       a public port leads to a LAN host
#   natlab.sh upnp SITE [KEY=VALUE...]     its home router maps ports on request (miniupnpd: UPnP, NAT-PMP, PCP)
#   natlab.sh conntrack SITE               what the routers have in their tables
#   natlab.sh need [line]                  what is missing on this machine, one line each; nothing when ready. line: for --line too
#
# Types: open routed full-cone address-restricted port-restricted symmetric firewall cgn[/CARRIER[/HOME]]
# Several laboratories at once: set NATLAB_NAME (letters and digits).
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB=${NATLAB_NAME:-p2plab}
LABS=${NATLAB_STATE:-/run/natlab}
STATE=$LABS/$LAB
BUILD=${NATLAB_BUILD:-$HERE/obj}
# Both must look public to libp2p and must stay inside these namespaces: see README.md.
PUB=${NATLAB_PUB:-11.77.66}
PUB6=${NATLAB_PUB6:-2d77:66}

die() { echo "natlab: $*" >&2; exit 1; }
[[ $LAB =~ ^[A-Za-z0-9]{1,20}$ ]] || die "NATLAB_NAME must be letters and digits, not '$LAB'"
ns() { echo "$LAB-$1"; }
in_ns() { local h=$1; shift; ip netns exec "$LAB-$h" "$@"; }

# What a laboratory is made of; kept in $STATE/lab while it is up.
declare -a SITES=() HOSTS=() SEGMENT=()          # SEGMENT: who has a port on the public segment
declare -A TYPE=() NUMBER=() KIND=() SITE=() ADDR=() ADDR6=()   # KIND: public lan router carrier
PER_SITE=2 PUBLIC=3 IPV6=0 HAIRPIN=0 LOOSE=0
DELAY=0 JITTER=0 LOSS=0 RATE=0 LINE=0

save() { declare -p SITES HOSTS SEGMENT TYPE NUMBER KIND SITE ADDR ADDR6 PER_SITE PUBLIC IPV6 HAIRPIN LOOSE | sed 's/^declare /declare -g /' >"$STATE/lab"; }
load() { [ -e "$STATE/lab" ] || die "laboratory '$LAB' is not up"; . "$STATE/lab"; }
known() { [ -n "${KIND[$1]:-}" ] || die "unknown host '$1'; there are: ${HOSTS[*]}"; }
known_site() { [ -n "${TYPE[$1]:-}" ] || die "unknown site '$1'; there are: ${SITES[*]}"; }
routers() { local r; for r in "nat$1" "cgn$1"; do [ -z "${KIND[$r]:-}" ] || echo "$r"; done; }

# ---------------------------------------------------------------- what the machine must have

missing() {
  [ "$(id -u)" = 0 ] || echo "root"
  command -v ip >/dev/null || echo "ip (Debian: iproute2)"
  command -v nft >/dev/null || echo "nft (Debian: nftables)"
  command -v conntrack >/dev/null || echo "conntrack (Debian: conntrack)"
  command -v ping >/dev/null || echo "ping (Debian: iputils-ping)"
  [ -x "$BUILD/wire" ] || command -v cc >/dev/null || echo "cc (Debian: gcc), for delay and loss without tc-netem"
  [ "$(id -u)" != 0 ] || can_namespace || echo "permission to make network namespaces"
}
missing_line() {
  [ -z "$(missing)" ] || { missing; return; }
  command -v tc >/dev/null || { echo "tc (Debian: iproute2)"; return; }
  ip netns add "$LAB-probe"
  in_ns probe tc qdisc add dev lo root tbf rate 1mbit burst 16k latency 50ms 2>/dev/null || echo "tc-tbf in the kernel (module sch_tbf)"
  ip netns del "$LAB-probe"
}
can_namespace() { ip netns add "$LAB-probe" 2>/dev/null && ip netns del "$LAB-probe"; }
need() { local m; m=$(missing); [ -z "$m" ] || die "missing: $(echo "$m" | paste -sd, | sed 's/,/, /g')"; }

# ---------------------------------------------------------------- who is where

add_host() { # NAME KIND SITE ADDRESS ADDRESS6
  HOSTS+=("$1"); KIND[$1]=$2; SITE[$1]=$3; ADDR[$1]=$4; ADDR6[$1]=$5
}
on_segment() { SEGMENT+=("$1"); }
lan_of() { # the first three bytes of a site's LAN; without NAT it has public addresses
  case ${TYPE[$1]} in firewall|routed) echo "${PUB%.*}.$((100 + NUMBER[$1]))";; *) echo "192.168.$((61 + NUMBER[$1]))";; esac
}
carrier_of() { echo "100.64.$((61 + NUMBER[$1]))"; }
lan6_of() { printf '%s:%x' "$PUB6" $((0x100 + NUMBER[$1])); }
segment6() { echo "$PUB6::$1"; }

plan() { # SITE=TYPE...
  local spec site type i n=0 open=0 last
  for ((i = 1; i <= PUBLIC; i++)); do
    [ "$i" = 1 ] && site=relay || site=pub$i
    add_host "$site" public - "$PUB.$((9 + i))" "$(segment6 $((9 + i)))"; on_segment "$site"
  done
  for spec in "$@"; do
    site=${spec%%=*} type=${spec#*=}
    [[ $spec == *=* && $site =~ ^[A-Z][A-Za-z]{0,7}$ ]] || die "not SITE=TYPE: '$spec' (a site is a capital letter and letters)"
    [ -z "${TYPE[$site]:-}" ] || die "site $site twice"
    valid_type "$type"
    SITES+=("$site"); TYPE[$site]=$type; NUMBER[$site]=$n; n=$((n + 1))
    plan_site "$site"
  done
  [ "$n" -le 70 ] || die "at most 70 sites"
}

plan_site() { # SITE; names of hosts are the site's in small letters, and a number
  local site=$1 type=${TYPE[$1]} number=${NUMBER[$1]} i lan lan6 wan wan6
  lan=$(lan_of "$site") lan6=$(lan6_of "$site") wan=$PUB.$((21 + number)) wan6=$(segment6 $((21 + number)))
  case $type in
    open) ;;
    cgn*)
      add_host "cgn$site" carrier "$site" "$wan" "$wan6"; on_segment "cgn$site"
      add_host "nat$site" router "$site" "$(carrier_of "$site").2" "$lan6:1::2";;
    *) add_host "nat$site" router "$site" "$wan" "$wan6"; on_segment "nat$site";;
  esac
  for ((i = 1; i <= PER_SITE; i++)); do
    if [ "$type" = open ]; then
      add_host "${site,,}$i" public "$site" "$PUB.$((100 + open))" "$(segment6 $((100 + open)))"
      on_segment "${site,,}$i"; open=$((open + 1))
    else
      add_host "${site,,}$i" lan "$site" "$lan.$((10 + i))" "$lan6::$((10 + i))"
    fi
  done
}

valid_type() {
  local part
  case $1 in
    open|routed|firewall) ;;
    cgn) ;;
    cgn/*) for part in ${1//\// }; do [ "$part" = cgn ] || valid_nat "$part"; done;;
    *) valid_nat "$1";;
  esac
}
valid_nat() { case $1 in full-cone|address-restricted|port-restricted|symmetric) ;; *) die "unknown type '$1'";; esac; }
nat_of() { # ROUTER: what it does itself
  local type=${TYPE[${SITE[$1]}]} parts
  IFS=/ read -ra parts <<<"$type"
  case ${parts[0]}/${KIND[$1]} in
    cgn/carrier) echo "${parts[1]:-port-restricted}";;
    cgn/router) echo "${parts[2]:-port-restricted}";;
    *) echo "$type";;
  esac
}

# ---------------------------------------------------------------- rules of a router

# What comes in unasked is dropped without a word, as home routers do. A RST would kill the other side's half of a TCP
# simultaneous open, and an accepted packet would leave a conntrack entry that makes the later outgoing packet of the
# same 4-tuple change its port.
rules() { # ROUTER
  local type inside="iifname wan" to="dnat to meta l4proto . th dport map @mapped" hairpin="" unasked="" masquerade="" learn=""
  type=$(nat_of "$1")
  [ "$type" != routed ] || return 0
  [ "$HAIRPIN" = 0 ] || { inside="ip daddr ${ADDR[$1]}"; hairpin="iifname lan oifname lan masquerade"; }
  learn="oifname wan meta l4proto { tcp, udp } update @mapped { meta l4proto . th sport : ip saddr }"
  masquerade="oifname wan masquerade persistent"
  case $type in
    full-cone) unasked="$inside meta l4proto { tcp, udp } ct state new $to";;
    address-restricted)
      learn="$learn
    oifname wan update @contacted { ip daddr }"
      unasked="$inside meta l4proto { tcp, udp } ct state new ip saddr @contacted $to";;
    port-restricted) learn="";;
    symmetric) learn="" masquerade="oifname wan masquerade fully-random";;
    firewall) learn="" masquerade="" hairpin="";;
  esac
  cat <<NFT
table ip lab
delete table ip lab
table ip lab {
  map mapped { type inet_proto . inet_service : ipv4_addr; size 65536; flags dynamic,timeout; timeout 2h; }
  set contacted { type ipv4_addr; size 65536; flags dynamic,timeout; timeout 2h; }
  chain dstnat_in {
    type nat hook prerouting priority dstnat
$(cat "$STATE/forward-$1" 2>/dev/null | sed "s/^/    $inside /")
    $unasked
  }
  chain srcnat_out {
    type nat hook postrouting priority srcnat
    $learn
    $masquerade
    $hairpin
  }
  chain across {
    type filter hook forward priority filter
    policy drop
    ct state invalid drop
    iifname lan accept
    ct status dnat accept
    ct state established,related accept
  }
  chain to_router {
    type filter hook input priority filter
    iifname lan ip daddr != ${ADDR[$1]} accept
    meta l4proto { tcp, udp } ct state { new, invalid } drop
  }
}
NFT
  [ "$IPV6" = 0 ] || rules6 "$1"
}

rules6() { # ROUTER: a carrier only routes, a home router or firewall lets answers in
  [ "${KIND[$1]}" = router ] || return 0
  cat <<NFT
table ip6 lab
delete table ip6 lab
table ip6 lab {
  chain across {
    type filter hook forward priority filter
    policy drop
    ct state invalid drop
    iifname lan accept
    ct state established,related accept
  }
  chain to_router {
    type filter hook input priority filter
    iifname wan meta l4proto { tcp, udp } ct state { new, invalid } drop
  }
}
NFT
}

apply() { # ROUTER: new rules, and nothing remembered
  rules "$1" | in_ns "$1" nft -f -
  in_ns "$1" conntrack -F >/dev/null 2>&1 || true
}

# ---------------------------------------------------------------- up

wires() { # every namespace and every cable between two of them, as one batch
  local h s
  for h in pub "${HOSTS[@]}"; do echo "netns add $LAB-$h"; done
  for h in "${SEGMENT[@]}"; do cable "$h" wan pub "p-$h"; done
  for h in "${HOSTS[@]}"; do
    s=${SITE[$h]}
    case ${KIND[$h]} in
      lan) cable "$h" lan "nat$s" "p-$h";;
      carrier) cable "$h" lan "nat$s" wan;;
    esac
  done
}
cable() { echo "link add $2 netns $LAB-$1 type veth peer name $4 netns $LAB-$3"; }

addresses() { # HOST: its own batch
  local h=$1 s=${SITE[$1]} other
  echo "link set lo up"
  case ${KIND[$h]} in
    public) interface wan "${ADDR[$h]}/24" "${ADDR6[$h]}/64"; segment_routes "$h";;
    lan)
      interface lan "${ADDR[$h]}/24" "${ADDR6[$h]}/64"
      echo "route add default via $(lan_of "$s").1"
      [ "$IPV6" = 0 ] || echo "route add default via $(lan6_of "$s")::1";;
    router)
      echo "link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
      for other in "${HOSTS[@]}"; do
        [ "${KIND[$other]}${SITE[$other]}" != "lan$s" ] || printf 'link set p-%s master lan\nlink set p-%s up\n' "$other" "$other"
      done
      interface lan "$(lan_of "$s").1/24" "$(lan6_of "$s")::1/64"
      interface wan "${ADDR[$h]}/24" "${ADDR6[$h]}/64"
      if [ -n "${KIND[cgn$s]:-}" ]; then
        echo "route add default via $(carrier_of "$s").1"
        [ "$IPV6" = 0 ] || echo "route add default via $(lan6_of "$s"):1::1"
      else
        segment_routes "$h"
      fi;;
    carrier)
      interface wan "${ADDR[$h]}/24" "${ADDR6[$h]}/64"
      interface lan "$(carrier_of "$s").1/24" "$(lan6_of "$s"):1::1/64"
      [ "$IPV6" = 0 ] || echo "route add $(lan6_of "$s")::/64 via $(lan6_of "$s"):1::2"
      segment_routes "$h";;
  esac
}
interface() { # NAME ADDRESS ADDRESS6
  echo "link set $1 up"
  echo "addr add $2 dev $1"
  [ "$IPV6" = 0 ] || echo "addr add $3 dev $1 nodad"
}
segment_routes() { # HOST: to the LANs with public addresses; never a default route
  local s gate
  for s in "${SITES[@]}"; do
    [ "${TYPE[$s]}" != open ] || continue
    gate=nat$s; [ -z "${KIND[cgn$s]:-}" ] || gate=cgn$s
    [ "$gate" != "$1" ] || continue
    [[ ${TYPE[$s]} != firewall && ${TYPE[$s]} != routed ]] || echo "route add $(lan_of "$s").0/24 via ${ADDR[$gate]}"
    [ "$IPV6" = 0 ] || echo "route add $(lan6_of "$s")::/64 via ${ADDR6[$gate]}"
  done
}

settings() { # KIND: kernel settings, as shell
  [ "$IPV6" = 1 ] || echo "sys net/ipv6/conf/all/disable_ipv6 1"
  case $1 in
    router|carrier)
      echo "sys net/ipv4/ip_forward 1"
      [ "$IPV6" = 0 ] || echo "sys net/ipv6/conf/all/forwarding 1"
      # Strict: what belongs to no known connection is not taken up again. Liberal: but windows are not judged.
      echo "sys net/netfilter/nf_conntrack_tcp_loose $LOOSE"
      echo "sys net/netfilter/nf_conntrack_tcp_be_liberal 1"
      echo "sys net/bridge/bridge-nf-call-iptables 0";;
  esac
}

configure() { # HOST
  { echo 'sys() { [ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"; }'
    settings "${KIND[$1]}"
    echo "ip -batch - <<'BATCH'"; addresses "$1"; echo BATCH
    case ${KIND[$1]} in router|carrier) echo "nft -f - <<'NFT'"; rules "$1"; echo NFT;; esac
  } | in_ns "$1" bash -e -s
}

public_segment() {
  local h
  { echo "link set lo up"; echo "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0"; echo "link set br0 up"
    for h in "${SEGMENT[@]}"; do echo "link set p-$h master br0"; echo "link set p-$h up"; done
  } | ip -n "$LAB-pub" -batch -
}

up() {
  local specs=() h pids=()
  while [ $# -gt 0 ]; do
    case $1 in
      --hosts) PER_SITE=$2; shift 2;;
      --public) PUBLIC=$2; shift 2;;
      --ipv6) IPV6=1; shift;;
      --hairpin) HAIRPIN=1; shift;;
      --loose) LOOSE=1; shift;;
      --delay|--jitter|--loss|--rate|--line) shape_option "$1" "${2:-}"; shift 2;;
      -*) die "unknown option $1";;
      *) specs+=("$1"); shift;;
    esac
  done
  plan "${specs[@]}"
  clear_away
  mkdir -p "$STATE"
  [ -z "${NATLAB_OWNER:-}" ] || echo "$NATLAB_OWNER" >"$STATE/owner"
  wires | ip -batch -
  public_segment
  for h in "${HOSTS[@]}"; do configure "$h" & pids+=($!); done
    for h in "${pids[@]}"; do wait "$h" || die "a host could not be set up"; done
  save
  shape
  echo "natlab up: ${specs[*]:-} (${#HOSTS[@]} hosts and routers)$(describe_shape)"
}

clear_away() {
  local n pids
  for n in $(ip netns list 2>/dev/null | awk -v p="$LAB-" 'index($1, p) == 1 { print $1 }'); do
    pids=$(ip netns pids "$n" 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || { kill $pids 2>/dev/null || true; sleep 0.05; kill -9 $(ip netns pids "$n") 2>/dev/null || true; }
    ip netns del "$n"
  done
  rm -rf "$STATE" /run/miniupnpd-"$LAB"-*
}

prune() {
  local owner
  for owner in "$LABS"/*/owner; do
    [ -e "$owner" ] && ! kill -0 "$(cat "$owner")" 2>/dev/null || continue
    STATE=$(dirname "$owner") LAB=$(basename "$(dirname "$owner")")
    clear_away
    echo "natlab: $LAB pruned"
  done
}

# ---------------------------------------------------------------- delay, jitter, loss, rate

shape_option() {
  [[ ${2:-} =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$1 needs a number"
  case $1 in --delay) DELAY=$2;; --jitter) JITTER=$2;; --loss) LOSS=$2;; --rate) RATE=$2;; --line) LINE=$2;; *) die "unknown option $1";; esac
}
shaped() { [ "$DELAY/$JITTER/$LOSS/$RATE" != 0/0/0/0 ]; }
describe_shape() {
  [ "$LINE" = 0 ] || printf ', lines of %s Mbit/s' "$LINE"
  ! shaped || printf '%s' ", delay $DELAY ms, jitter $JITTER ms, loss $LOSS %, rate ${RATE/#0/unlimited} Mbit/s"
}
has_netem() { in_ns pub tc qdisc add dev lo root netem delay 1ms 2>/dev/null && in_ns pub tc qdisc del dev lo root; }
wire_runs() { [ -e "$STATE/wire.pid" ] && kill -0 "$(cat "$STATE/wire.pid")" 2>/dev/null; }

# For every crossing of the public segment, one way: tc-netem where the kernel has it, else the user-space switch.
shape() {
  shape_lines
  if [ "${NATLAB_SHAPER:-auto}" != wire ] && has_netem; then shape_netem; else shape_wire; fi
}

# A line is a bucket at each end of the cable to the segment. 128 KiB pass at once, so that the kernel need not cut what TCP
# hands it whole; 50 ms of queue behind it, as a router has.
shape_lines() {
  local h
  if [ -e "$STATE/lines" ]; then
    for h in "${SEGMENT[@]}"; do
      tc -n "$LAB-$h" qdisc del dev wan root 2>/dev/null || true
      tc -n "$LAB-pub" qdisc del dev "p-$h" root 2>/dev/null || true
    done
    rm -f "$STATE/lines"
  fi
  [ "$LINE" != 0 ] || return 0
  for h in "${SEGMENT[@]}"; do
    tc -n "$LAB-$h" qdisc add dev wan root handle 1: tbf rate "${LINE}mbit" burst 128kb latency 50ms || die "no tc-tbf in this kernel"
    tc -n "$LAB-pub" qdisc add dev "p-$h" root handle 1: tbf rate "${LINE}mbit" burst 128kb latency 50ms
  done
  touch "$STATE/lines"
}

shape_netem() {
  local h opts=() place=(root)
  [ "$LINE" = 0 ] || place=(parent 1:1) # behind the line's bucket
  [ "$DELAY" = 0 ] || opts+=(delay "${DELAY}ms")
  [ "$JITTER" = 0 ] || { [ "$DELAY" != 0 ] || opts+=(delay 0ms); opts+=("${JITTER}ms"); }
  [ "$LOSS" = 0 ] || opts+=(loss "${LOSS}%")
  [ "$RATE" = 0 ] || opts+=(rate "${RATE}mbit")
  for h in "${SEGMENT[@]}"; do
    [ "$LINE" != 0 ] || tc -n "$LAB-$h" qdisc del dev wan root 2>/dev/null || true
    ! shaped || tc -n "$LAB-$h" qdisc add dev wan "${place[@]}" netem "${opts[@]}" limit 10000
  done
}

shape_wire() { # a running switch takes other numbers without dropping a frame
  local h tries=0
  if shaped; then
    echo "$DELAY $JITTER $LOSS $RATE" >"$STATE/wire.conf"
    if wire_runs; then kill -HUP "$(cat "$STATE/wire.pid")"; return; fi
    build_wire
    : >"$STATE/wire.log"
    for h in "${SEGMENT[@]}"; do echo "link set p-$h nomaster"; done | ip -n "$LAB-pub" -batch -
    setsid ip netns exec "$LAB-pub" "$BUILD/wire" "$STATE/wire.conf" "${SEGMENT[@]/#/p-}" </dev/null >/dev/null 2>"$STATE/wire.log" &
    echo $! >"$STATE/wire.pid"
    disown
    until grep -q ready "$STATE/wire.log"; do
      tries=$((tries + 1))
      { [ "$tries" -lt 100 ] && wire_runs; } || die "wire did not start: $(cat "$STATE/wire.log")"
      sleep 0.02
    done
  elif wire_runs; then
    kill "$(cat "$STATE/wire.pid")"
    rm -f "$STATE/wire.pid"
    for h in "${SEGMENT[@]}"; do echo "link set p-$h master br0"; done | ip -n "$LAB-pub" -batch -
  fi
}

build_wire() { # moved into place whole: another laboratory may be at it too
  [ ! -x "$BUILD/wire" ] || [ "$HERE/wire.c" -nt "$BUILD/wire" ] || return 0
  command -v cc >/dev/null || die "no tc-netem in this kernel and no C compiler to build wire.c"
  mkdir -p "$BUILD"
  cc -O2 -Wall -Wextra -o "$BUILD/wire.$$" "$HERE/wire.c"
  mv "$BUILD/wire.$$" "$BUILD/wire"
}

# ---------------------------------------------------------------- changes while running

cut_off() {
  in_ns "$1" nft -f - <<'NFT'
table inet cut
delete table inet cut
table inet cut {
  chain in { type filter hook prerouting priority -400; iifname lo accept; drop; }
  chain out { type filter hook output priority -400; oifname lo accept; drop; }
}
NFT
}
heal() { in_ns "$1" nft delete table inet cut 2>/dev/null || true; }

change_nat() { # SITE TYPE
  local r same=" full-cone address-restricted port-restricted symmetric "
  valid_type "$2"
  if [[ "$same" == *" ${TYPE[$1]} "* ]]; then valid_nat "$2"
  elif [[ ${TYPE[$1]} == cgn* ]]; then [[ $2 == cgn* ]] || die "a carrier's site stays one"
  else die "${TYPE[$1]} has other addresses: bring up another laboratory"; fi
  TYPE[$1]=$2
  save
  for r in $(routers "$1"); do apply "$r"; done
}

reboot() { # SITE [SECONDS]
  local r
  [ -n "$(routers "$1")" ] || die "site $1 has no router"
  if [ "${2:-0}" != 0 ]; then
    for r in $(routers "$1"); do cut_off "$r"; done
    sleep "$2"
  fi
  for r in $(routers "$1"); do apply "$r"; heal "$r"; done
  [ ! -d "/run/miniupnpd-$LAB-nat$1" ] || "$HERE/miniupnpd.sh" restart "$LAB-nat$1"
}

forward() { # SITE PORT HOST
  [[ $2 =~ ^[0-9]+$ && "${KIND[$3]}${SITE[$3]}" = "lan$1" && ${TYPE[$1]} != firewall && ${TYPE[$1]} != routed ]] || die "forward SITE PORT HOST of that site behind a NAT"
  echo "meta l4proto { tcp, udp } th dport $2 dnat to ${ADDR[$3]}:$2" >>"$STATE/forward-nat$1"
  rules "nat$1" | in_ns "nat$1" nft -f -
}

# ---------------------------------------------------------------- what is there

status() {
  local s h
  for s in "${SITES[@]}"; do echo "site $s: ${TYPE[$s]}"; done
  for h in "${HOSTS[@]}"; do printf '%-10s %-8s %-16s %s\n' "$h" "${KIND[$h]}" "${ADDR[$h]}" "$([ "$IPV6" = 0 ] || echo "${ADDR6[$h]}")"; done
  if wire_runs; then echo "shape: $(cat "$STATE/wire.conf") (ms, ms, %, Mbit/s) by wire"; else tc -n "$LAB-relay" qdisc show dev wan | head -n 1; fi
}

expect() { # yes|no WHAT COMMAND...   (in the background; a line on failure)
  local want=$1 what=$2 got=no; shift 2
  if "$@" >/dev/null 2>&1; then got=yes; fi
  [ $got = "$want" ] && echo ok || echo "FAIL $what: $got"
}

only_among_us() { # NAME: every interface is lo, a bridge, or a cable whose other end is in this laboratory
  ! ip -n "$LAB-$1" -o link show | grep -v -e 'LOOPBACK' -e ': \(br0\|lan\): ' -e "link-netns $LAB-" | grep -q .
}

check() {
  local h s results
  results=$(
    for h in pub "${HOSTS[@]}"; do expect yes "all cables of $h end here" only_among_us "$h" & done
    expect no "the public segment leads to the machine" ip -n "$LAB-pub" route get 192.0.2.1 &
    for h in "${SEGMENT[@]}"; do
      expect no "$h has a default route" ip -n "$LAB-$h" route get 192.0.2.1 &
      expect no "$h has an IPv6 default route" ip -n "$LAB-$h" -6 route get 2001:db8::1 &
    done
    for s in "${SITES[@]}"; do
      h=${s,,}1
      expect yes "$h reaches the relay" in_ns "$h" ping -c1 -W5 "${ADDR[relay]}" &
      expect no "$h gets out" in_ns "$h" ping -c1 -W1 192.0.2.1 &
      [ "$IPV6" = 0 ] || expect yes "$h reaches the relay by IPv6" in_ns "$h" ping -c1 -W5 "${ADDR6[relay]}" &
      [ "$PER_SITE" -lt 2 ] || expect yes "$h reaches ${s,,}2" in_ns "$h" ping -c1 -W5 "${ADDR[${s,,}2]}" &
      case ${TYPE[$s]} in open|routed) continue;; esac
      expect no "the relay reaches $h unasked" in_ns relay ping -c1 -W1 "${ADDR[$h]}" &
      [ "$IPV6" = 0 ] || expect no "the relay reaches $h unasked by IPv6" in_ns relay ping -c1 -W1 "${ADDR6[$h]}" &
    done
    wait)
  grep -v '^ok$' <<<"$results" || true
  echo "$(grep -c '^ok$' <<<"$results") passed, $(grep -c '^FAIL' <<<"$results" || true) failed"
  ! grep -q '^FAIL' <<<"$results"
}

# ---------------------------------------------------------------- command line

cmd=${1:-}; [ $# -eq 0 ] || shift
case $cmd in
  need) if [ "${1:-}" = line ]; then missing_line; else missing; fi; exit 0;;
  ''|help|-h|--help) sed -n '2,/^set /{/^#/!d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0;;
esac
case $cmd in
  up) need; up "$@";;
  prune) prune;;
  down) clear_away; echo "natlab down";;
  status) load; status;;
  hosts) load; for h in "${HOSTS[@]}"; do echo "$h ${ADDR[$h]} $(ns "$h") ${KIND[$h]} $([ "$IPV6" = 0 ] && echo - || echo "${ADDR6[$h]}")"; done;;
  check) load; check;;
  exec) load; known "$1"; h=$1; shift; exec ip netns exec "$LAB-$h" "$@";;
  nat) load; known_site "$1"; change_nat "$1" "$2"; echo "site $1: $2";;
  type) load; known_site "$1"; echo "${TYPE[$1]}";;
  shape) load; while [ $# -gt 0 ]; do shape_option "$1" "${2:-}"; shift 2; done; shape; echo "shape:$(describe_shape)";;
  reboot) load; known_site "$1"; reboot "$@"; echo "site $1: rebooted";;
  cut) load; known "$1"; cut_off "$1"; echo "$1: cut off";;
  heal) load; known "$1"; heal "$1"; echo "$1: healed";;
  forward) load; known_site "$1"; known "$3"; forward "$@"; echo "site $1: port $2 leads to $3";;
  upnp) load; known_site "$1"; known "nat$1"; h=nat$1; shift; "$HERE/miniupnpd.sh" start "$LAB-$h" wan lan "${ADDR[$h]}" "$@"; echo "$h: maps ports";;
  conntrack) load; known_site "$1"; for h in $(routers "$1"); do in_ns "$h" conntrack -L 2>/dev/null | sed "s/^/$h: /"; done;;
  *) die "unknown command '$cmd'; try: natlab.sh help";;
esac
