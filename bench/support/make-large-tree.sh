#!/bin/sh
# Makes the large working tree of the benchmarks: the sources of Linux 6.1 as Debian has them, 78,000 files in one commit.
# It takes two minutes and 2 GB, and root where the package linux-source-6.1 is not installed yet.
#
#   make-large-tree.sh DIR
set -eu
dir=${1:?usage: make-large-tree.sh DIR}
sources=/usr/src/linux-source-6.1.tar.xz
if ! [ -f "$sources" ]; then
  apt-get update -qq
  apt-get install -y -qq linux-source-6.1
fi
mkdir -p "$dir"
tar -xJf "$sources" -C "$dir" --strip-components=1
cd "$dir"
sed -i '\|^/\*$|d' .gitignore # Debian adds a line that ignores all there is
git init -q
git config gc.auto 0 # nothing else is to happen while it is measured
git add -A
git -c user.name=bench -c user.email=bench@example.com commit -q -m "Linux 6.1"
git repack -a -d -q # one pack, as a clone has
git prune-packed -q
