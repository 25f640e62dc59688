#!/bin/sh
# Starts nginx with what this place has and nginx.conf cannot know; `start.sh reload` tells a
# running one.
#
#   OVATION_GATEWAY_WORKERS  1 to 4: more need more than the container's mem_limit and pids_limit
#   OVATION_TRUSTED_PROXIES  addresses or networks whose X-Forwarded-For is true, between spaces
#   OVATION_TENCENT_ADDRESSES  addresses or networks, between spaces, that alone may call as Tencent
#   OVATION_GATEWAY_DOMAIN   what the services' names end with, where a name alone is not known to the
#                            name server (Kubernetes): namespace.svc.cluster.local
#   openapi.json, contracts  documents that are put beside the configuration, and compressed once:
#                            nginx would do it again for each reader
#   /etc/resolv.conf         where names are looked up: Docker's own server is not everywhere
set -eu
folder=${OVATION_GATEWAY_FOLDER:-/etc/nginx}
made=${OVATION_GATEWAY_MADE:-/tmp}/nginx.conf
documents=${OVATION_GATEWAY_MADE:-/tmp}/documents
names=${OVATION_GATEWAY_NAMES:-/etc/resolv.conf}
workers=${OVATION_GATEWAY_WORKERS:-}
proxies=${OVATION_TRUSTED_PROXIES:-}
tencent=${OVATION_TENCENT_ADDRESSES:-}
domain=${OVATION_GATEWAY_DOMAIN:-}

refuse() {
    echo "$1" >&2
    exit 1
}
case $workers in
    "" | [1-4]) ;;
    *) refuse "OVATION_GATEWAY_WORKERS is a number from 1 to 4, not '$workers'." ;;
esac
case $proxies in
    *[!0-9A-Fa-f.:/\ ]*) refuse "OVATION_TRUSTED_PROXIES takes addresses and networks with spaces between, not '$proxies'." ;;
esac
# Then any caller would say who it is: no limit by address, and no list of addresses, would hold.
case " $proxies " in
    */0\ * | */00\ *) refuse "OVATION_TRUSTED_PROXIES names your proxies, not all addresses there are: '$proxies'." ;;
esac
case $tencent in
    *[!0-9A-Fa-f.:/\ ]*) refuse "OVATION_TENCENT_ADDRESSES takes addresses and networks with spaces between, not '$tencent'." ;;
esac
case $domain in
    *[!0-9a-z.-]*) refuse "OVATION_GATEWAY_DOMAIN is the end of a host name, not '$domain'." ;;
esac
# nginx asks one after the other; an address with a zone is none for it.
servers=$(awk '$1 == "nameserver" && $2 !~ /%/ { print ($2 ~ /:/ ? "[" $2 "]" : $2) }' "$names" 2>/dev/null || true)
servers=$(echo $servers)

awk -v workers="$workers" -v proxies="$proxies" -v tencent="$tencent" -v servers="$servers" -v domain="$domain" '
    workers && $1 == "worker_processes" { print "worker_processes " workers ";"; next }
    servers && $1 == "resolver" { sub(/resolver [^ ]+/, "resolver " servers) }
    domain && $1 == "set" && $2 ~ /^\$to_/ { sub(/:/, "." domain ":") }
    { print }
    proxies && $1 == "#" && $2 == "OVATION_TRUSTED_PROXIES" {
        count = split(proxies, each, " ")
        for (number = 1; number <= count; number++) print "    set_real_ip_from " each[number] ";"
        print "    real_ip_header X-Forwarded-For;"
        print "    real_ip_recursive on;"
    }
    tencent && $1 == "#" && $2 == "OVATION_TENCENT_ADDRESSES" {
        count = split(tencent, each, " ")
        for (number = 1; number <= count; number++) print "            allow " each[number] ";"
        print "            deny all;"
    }
' "$folder/nginx.conf" >"$made.new"
mv "$made.new" "$made"

mkdir -p "$documents"
for document in openapi.json contracts/asyncapi.json contracts/EVENTS.md; do
    if [ -f "$folder/$document" ]; then
        served=$documents/${document##*/}
        # Away first: nginx compresses what has no compressed file, and never serves an older one.
        rm -f "$served.gz"
        cp "$folder/$document" "$served.new"
        mv "$served.new" "$served"
        gzip -9 -n -c "$served" >"$served.gz.new" && mv "$served.gz.new" "$served.gz"
    fi
done

if [ "${1:-}" = reload ]; then
    exec nginx -e stderr -c "$made" -s reload
fi
exec nginx -e stderr -c "$made" -g "daemon off;"
