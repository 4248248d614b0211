// conf/phase_options.cc: the keys of mydumpers, loaders, syncers and validators: how the phases of
// a task are done.
#include "conf/extra_args.h"
#include "conf/task_file.h"
#include "conf/words.h"

namespace tiderelay::conf {
namespace {

constexpr std::uint32_t kDmNoMydumperPath = 20028;
constexpr std::uint32_t kDmBadSafeModeDuration = 20060;
constexpr std::uint32_t kDmNoSafeModeDuration = 20061;
constexpr const char* kNoPhysical = "rows are imported by SQL, not physically";
constexpr const char* kNoValidator =
    "there is no validator in the daemon; `tiderelay verify` "
    "compares source and target";
constexpr const char* kSamePlace = "the position commits with the rows, nothing is flushed apart";

void finish_dump(Reader& reader, const YamlNode& map, DumpConfig& dump) {
  const YamlNode* path = map.find("mydumper-path");
  if (path != nullptr && path->says_nothing()) {
    reader.refuse(*path, "is empty; leave it out", kDmNoMydumperPath);
  }
  const YamlNode* args = map.find("extra-args");
  if (args != nullptr) read_extra_args(reader, *args, dump);
  if (dump.threads == 0) reader.refuse(map, "threads must be at least 1");
}

void read_import_mode(Reader& reader, const Option& option, const YamlNode& node,
                      LoadConfig& /*into*/) {
  const std::vector<std::string_view> words = {"logical",  "sql",         "loader",
                                               "physical", "import-into", ""};
  const int index = read_word(reader, option, node, words);
  if (index == 3 || index == 4) {
    reader.note(node, Verdict::kNoEffect,
                std::string(kNoPhysical) + ": the same rows, more slowly");
  }
}

void check_safe_mode(Reader& reader, const YamlNode& map, SyncConfig& sync) {
  const YamlNode* node = map.find("safe-mode-duration");
  if (node == nullptr) return;
  const Result<Duration> duration = parse_duration(node->text, Duration(0));
  if (!duration) return reader.refuse(*node, duration.error().text(), kDmBadSafeModeDuration);
  if (duration->count() == 0 && sync.safe_mode) {
    reader.refuse(*node, "0s contradicts safe-mode: true; leave one of them out",
                  kDmNoSafeModeDuration);
  }
}

void read_validator_mode(Reader& reader, const Option& option, const YamlNode& node,
                         ValidatorConfig& /*into*/) {
  const int index = read_word(reader, option, node, {"none", "fast", "full", ""});
  if (index == 1 || index == 2) {
    reader.refuse(
        node, "not supported yet: " + std::string(kNoValidator) + "; leave mode out, or say none");
  }
}

}  // namespace

const OptionTable<DumpConfig>& option_table(Tag<DumpConfig>) {
  static const auto kTable =
      OptionTable<DumpConfig>()
          .field<&DumpConfig::threads>("threads", "tables or chunks read at once from the source")
          .field<&DumpConfig::chunk_filesize>("chunk-filesize", "size of a file; a number is MiB")
          .plain_unit(std::uint64_t{1} << 20U)
          .mapped("the size of a chunk, which is one transaction of the target")
          .field<&DumpConfig::statement_size>("statement-size",
                                              "size of an INSERT; a number is bytes")
          .plain_unit(1)
          .mapped("upper bound of an INSERT")
          .default_text("0: about 1MiB")
          .field<&DumpConfig::rows>("rows", "rows of a file")
          .mapped("upper bound of a chunk's rows")
          .default_text("0: by size alone")
          .field<&DumpConfig::where>("where", "condition on every table")
          .field<&DumpConfig::extra_args>(
              "extra-args", "a mydumper or dumpling command line: -B, -T, -f, -x, --no-locks, …")
          .ignored<std::string>("mydumper-path", "", "rows are read in this process")
          .ignored<bool>("skip-tz-utc", "", "both ends always have the same time zone")
          .after(finish_dump);
  return kTable;
}

const OptionTable<LoadConfig>& option_table(Tag<LoadConfig>) {
  static const auto kTable =
      OptionTable<LoadConfig>()
          .field<&LoadConfig::pool_size>("pool-size", "sessions that write in the full phase")
          .field<&LoadConfig::on_duplicate>("on-duplicate-logical",
                                            "what happens to a row whose key is there already")
          .older("on-duplicate")
          .dm_code(20054)
          .field<&LoadConfig::analyze>("analyze", "ANALYZE TABLE after the full phase (TiDB)")
          .dm_code(20065)
          .custom<std::string>("import-mode", "logical (sql, loader), physical or import-into",
                               read_import_mode)
          .default_text("logical")
          .ignored<std::string>("dir", "", "rows stream from source to target, no files between")
          .ignored<std::string>("sorting-dir-physical", "", kNoPhysical)
          .ignored<std::string>("on-duplicate-physical", "", kNoPhysical)
          .ignored<std::string>("disk-quota-physical", "", kNoPhysical)
          .ignored<std::string>("checksum-physical", "", kNoPhysical)
          .ignored<std::string>("range-concurrency", "", kNoPhysical)
          .ignored<std::string>("compress-kv-pairs", "", kNoPhysical)
          .ignored<std::string>("pd-addr", "", kNoPhysical)
          .after([](Reader& reader, const YamlNode& map, LoadConfig& load) {
            if (load.pool_size == 0) reader.refuse(map, "pool-size must be at least 1");
          });
  return kTable;
}

const OptionTable<SyncConfig>& option_table(Tag<SyncConfig>) {
  static const auto kTable =
      OptionTable<SyncConfig>()
          .field<&SyncConfig::worker_count>("worker-count", "sessions that apply changes")
          .field<&SyncConfig::batch>("batch", "counts above 500 only: see tiderelay.batch-rows")
          .field<&SyncConfig::safe_mode>("safe-mode", "idempotent statements for ever")
          .ignored<std::uint32_t>("queue-size", "", "queues are limited in bytes")
          .ignored<std::uint32_t>("checkpoint-flush-interval", "", kSamePlace)
          .ignored<bool>("compact", "", "done by itself, where it is safe")
          .ignored<bool>("multiple-rows", "", "done by itself, where it is safe")
          .ignored<std::string>("safe-mode-duration", "",
                                "a restart is exact and needs no safe mode")
          .ignored<std::string>("meta-file", "", kSamePlace)
          .ignored<std::uint32_t>("max-retry", "",
                                  "errors that may pass are retried by their class")
          .ignored<bool>("auto-fix-gtid", "", "GTID sets are exact, there is nothing to fix")
          .ignored<bool>("enable-gtid", "", "comes from the source")
          .ignored<bool>("disable-detect", "", "conflicts between rows are always detected")
          .ignored<bool>("enable-ansi-quotes", "", "the sql_mode comes from each event")
          .after([](Reader& reader, const YamlNode& map, SyncConfig& sync) {
            if (sync.worker_count == 0) reader.refuse(map, "worker-count must be at least 1");
            if (sync.batch == 0) reader.refuse(map, "batch must be at least 1");
            check_safe_mode(reader, map, sync);
          });
  return kTable;
}

const OptionTable<ValidatorConfig>& option_table(Tag<ValidatorConfig>) {
  static const auto kTable =
      OptionTable<ValidatorConfig>()
          .custom<std::string>("mode", "none; fast and full are refused", read_validator_mode)
          .default_text("none")
          .dm_code(20055)
          .ignored<std::uint32_t>("worker-count", "", kNoValidator)
          .ignored<std::string>("validate-interval", "", kNoValidator)
          .ignored<std::string>("check-interval", "", kNoValidator)
          .ignored<std::string>("row-error-delay", "", kNoValidator)
          .ignored<std::string>("meta-flush-interval", "", kNoValidator)
          .ignored<std::uint32_t>("batch-query-size", "", kNoValidator)
          .ignored<std::string>("max-pending-row-size", "", kNoValidator)
          .ignored<std::uint64_t>("max-pending-row-count", "", kNoValidator);
  return kTable;
}

const OptionTable<TideTaskConfig>& option_table(Tag<TideTaskConfig>) {
  static const auto kTable =
      OptionTable<TideTaskConfig>()
          .field<&TideTaskConfig::on_missing_row>(
              "on-missing-row", "an UPDATE or DELETE that hits no row: pause, or count and go on")
          .field<&TideTaskConfig::batch_rows>("batch-rows",
                                              "rows of a downstream transaction while there is "
                                              "much to do; no source transaction is "
                                              "cut for it")
          .default_text("500, or the syncer's batch if that is more")
          .field<&TideTaskConfig::batch_bytes>("batch-bytes", "size of a downstream transaction")
          .field<&TideTaskConfig::split_transaction_rows>(
              "split-transaction-rows",
              "a source transaction with more rows is cut into several downstream ones")
          .field<&TideTaskConfig::assume_no_cascade>(
              "assume-no-cascade",
              "true: take tables with CASCADE or SET NULL keys, since no change ever cascades")
          .field<&TideTaskConfig::no_locks_grace>(
              "no-locks-grace",
              "with --no-locks and without GTIDs: time between start position and first SELECT")
          .field<&TideTaskConfig::memory_budget>("memory-budget",
                                                 "memory of one source's share of the task")
          .after([](Reader& reader, const YamlNode& map, TideTaskConfig& tide) {
            const ByteSize least{std::uint64_t{64} << 10U};
            if (tide.batch_bytes < least || tide.memory_budget < least) {
              reader.refuse(map, "batch-bytes and memory-budget must be at least 64KiB");
            }
            if (tide.split_transaction_rows == 0) {
              reader.refuse(map, "split-transaction-rows must be at least 1");
            }
          });
  return kTable;
}

}  // namespace tiderelay::conf
