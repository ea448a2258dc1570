#!/bin/bash -eu
# Builds the targets for OSS-Fuzz, in its container: binaries, seeds and dictionaries go to $OUT.

cd "$SRC/countersign"
cargo fuzz build -O --debug-assertions

for path in fuzz/fuzz_targets/*.rs; do
  target=$(basename "$path" .rs)
  cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
  zip -qj "$OUT/${target}_seed_corpus.zip" "fuzz/seeds/$target"/*
  if [ -e "fuzz/dict/$target.dict" ]; then
    cp "fuzz/dict/$target.dict" "$OUT/"
  fi
done
