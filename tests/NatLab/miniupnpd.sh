#!/usr/bin/env bash
# A home router's port mapping daemon (UPnP IGD, NAT-PMP, PCP) inside a network namespace: Debian's miniupnpd
# with its nftables backend. Debian: apt-get install miniupnpd nftables iproute2 (its service need not run).
#
#   miniupnpd.sh start NETNS EXT_IF LAN_IF EXT_IP [key=value...]
#                                     starts it; returns when it answers. Further arguments are lines of its
#                                     configuration: enable_upnp=no, enable_natpmp=no, min_lifetime=120, ...
#   miniupnpd.sh stop NETNS           ends it and takes its rules away, as a router does that is switched off
#   miniupnpd.sh restart NETNS        the router reboots: all mappings are lost, the epoch starts at 0
#   miniupnpd.sh mappings NETNS       one line a mapping, from the packet filter: tcp 4001 -> 192.168.61.11:4001
#   miniupnpd.sh log NETNS            what the daemon said
#
# NETNS has EXT_IF with the address EXT_IP, and LAN_IF with the LAN's router address. With an EXT_IP of a private
# range it is a router behind a carrier's NAT, and the daemon refuses every request.
# The daemon fills chains in a table of its own; a drop in another table's forward chain still drops, so the
# router's own rules need "ct status dnat accept" (natlab.sh has it).
# Can be sourced too: miniupnpd_start, miniupnpd_stop, miniupnpd_restart, miniupnpd_mappings, miniupnpd_log.

miniupnpd_dir() { echo "/run/miniupnpd-$1"; }

# The chains which the daemon fills; they hang beside whatever rules the router has.
miniupnpd_rules() {
  ip netns exec "$1" nft -f - <<'NFT'
table inet upnp
delete table inet upnp
table inet upnp {
  chain forward { type filter hook forward priority filter + 10; policy accept; jump upnp_forward; }
  chain prerouting { type nat hook prerouting priority dstnat - 10; policy accept; jump upnp_dnat; }
  chain postrouting { type nat hook postrouting priority srcnat - 10; policy accept; jump upnp_snat; }
  chain upnp_forward { }
  chain upnp_dnat { }
  chain upnp_snat { }
}
NFT
}

miniupnpd_launch() {
  local ns=$1 dir i; dir=$(miniupnpd_dir "$ns")
  rm -f "$dir/pid" "$dir/leases"
  setsid ip netns exec "$ns" miniupnpd -d -f "$dir/conf" -P "$dir/pid" </dev/null >>"$dir/log" 2>&1 &
  echo $! >"$dir/child"
  disown 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    if ip netns exec "$ns" ss -Hlun 2>/dev/null | grep -qE ':(5351|1900) '; then return 0; fi
    kill -0 "$(cat "$dir/child")" 2>/dev/null || break
    sleep 0.05
  done
  echo "miniupnpd did not start in $ns:" >&2
  tail -n 20 "$dir/log" >&2
  return 1
}

miniupnpd_kill() {
  local dir pid i; dir=$(miniupnpd_dir "$1")
  [ -e "$dir/child" ] || return 0
  pid=$(cat "$dir/child")
  kill "$2" "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$dir/child"
}

miniupnpd_start() {
  local ns=$1 ext_if=$2 lan_if=$3 ext_ip=$4 dir lan line; shift 4
  command -v miniupnpd >/dev/null || { echo "miniupnpd is missing (Debian: apt-get install miniupnpd)" >&2; return 1; }
  miniupnpd_stop "$ns"
  dir=$(miniupnpd_dir "$ns"); mkdir -p "$dir"
  # SSDP is multicast: without a route for it the daemon cannot announce itself.
  ip netns exec "$ns" ip route replace 239.255.255.250/32 dev "$lan_if"
  lan=$(ip netns exec "$ns" ip -4 -o route show dev "$lan_if" proto kernel scope link | awk 'NR==1 {print $1}')
  {
    # The daemon does not start when a private address is set; it does when it finds one.
    [[ $ext_ip =~ ^(10|192\.168|172\.(1[6-9]|2[0-9]|3[01])|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\. ]] || echo "ext_ip=$ext_ip"
    printf '%s\n' "ext_ifname=$ext_if" "listening_ip=$lan_if" "ipv6_disable=yes" \
      enable_upnp=yes enable_natpmp=yes secure_mode=yes system_uptime=no notify_interval=60 \
      upnp_table_name=upnp upnp_nat_table_name=upnp upnp_forward_chain=upnp_forward \
      upnp_nat_chain=upnp_dnat upnp_nat_postrouting_chain=upnp_snat \
      "lease_file=$dir/leases" uuid=022f00cd-150e-4919-a98a-27f29292fbbf
    for line in "$@"; do printf '%s\n' "$line"; done
    printf '%s\n' "allow 1024-65535 $lan 1024-65535" "deny 0-65535 0.0.0.0/0 0-65535"
  } >"$dir/conf"
  : >"$dir/log"
  miniupnpd_rules "$ns" && miniupnpd_launch "$ns"
}

miniupnpd_stop() {
  miniupnpd_kill "$1" -TERM
  ip netns exec "$1" nft delete table inet upnp 2>/dev/null || true
  rm -rf "$(miniupnpd_dir "$1")"
}

miniupnpd_restart() {
  miniupnpd_kill "$1" -KILL
  miniupnpd_rules "$1" && miniupnpd_launch "$1"
}

miniupnpd_mappings() {
  ip netns exec "$1" nft list chain inet upnp upnp_dnat \
    | sed -nE 's/.* (0x6|0x11) th dport ([0-9]+) dnat ip to ([0-9.:]+).*/\1 \2 -> \3/p' \
    | sed -e 's/^0x6 /tcp /' -e 's/^0x11 /udp /'
}

miniupnpd_log() { cat "$(miniupnpd_dir "$1")/log"; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  verb=${1:-}; [ $# -gt 0 ] && shift
  case $verb in
    start|stop|restart|mappings|log) "miniupnpd_$verb" "$@";;
    *) sed -n '2,19p' "$0" | sed 's/^# \{0,1\}//'; exit 2;;
  esac
fi
