# rows.sh: variants of the memory-bound rungs, checked and timed in one process. Needs rows_* beside it.
s=$SECONDS
chmod +x $B/rows_bin 2>/dev/null; cp $B/rows_bin /tmp/rows_bin 2>/dev/null && chmod +x /tmp/rows_bin
run() { timeout 150 /tmp/rows_bin 18 2>&1 | tee $R/rows.txt; return ${PIPESTATUS[0]}; }
if ! run; then
  echo "ran $((SECONDS-s)) s, and failed: compile here and run again"
  if ! grep -q FAILED $R/rows.txt; then
    make -j8 -f $B/rows_Makefile B=$B OUT=/tmp/rows_build > $R/make.log 2>&1 && cp /tmp/rows_build/rows_bin /tmp/rows_bin && run
  else
    for p in token_loss "rmsnorm fp32 8192x32768" "rmsnorm fp32 16384" "rmsnorm bf16 8192x1024" "rmsnorm bf16 16384" "rmsnorm bf16 8192x32768"; do timeout 25 /tmp/rows_bin 6 "$p" 2>&1 | tee -a $R/rows_rest.txt; done
  fi
fi
echo "rows $((SECONDS-s)) s"
