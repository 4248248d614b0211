// applier/error_class.cc: the table of codes.
#include "applier/error_class.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace tiderelay::applier {
namespace {

struct Row {
  std::uint16_t code;
  ErrorClass error_class;
  const char* way_out = "";
};

constexpr const char* kOtherWriter =
    "the target holds a row that the source's history does not allow: another writer, another "
    "mapping of collations, or a copy that is not equal; find the row, make it equal to the "
    "source, "
    "then resume-task";
constexpr const char* kSchemaDiffers =
    "compare the definitions of the table on both sides, alter the target, then resume-task";
constexpr const char* kReadOnly =
    "the target is read-only: connect to the writer, or switch read_only off, then resume-task";
constexpr const char* kGrant =
    "GRANT SELECT, INSERT, UPDATE, DELETE on the tables and ALL on the meta schema to the target's "
    "account, then resume-task";
constexpr const char* kEntry =
    "raise txn-entry-size-limit (performance section of TiDB's configuration, up to 120 MiB) and, "
    "above 8 MiB, TiKV's raftstore.raft-entry-max-size; then resume-task";
constexpr const char* kSmallerBatch =
    "lower the task's batch size, or raise tidb_mem_quota_query and tidb_server_memory_limit";
constexpr const char* kDamaged =
    "stop all writers, run ADMIN CHECK TABLE on the target, keep its logs; do not retry";
constexpr const char* kRowFormat =
    "SET GLOBAL binlog_format = 'ROW' at the target, then resume-task";

// Ordered by code. What is not here is kData: the task pauses with the server's text.
constexpr Row kRows[] = {
    {1020, ErrorClass::kRetry},  // MariaDB: record has changed since last read
    {1021, ErrorClass::kRetryFew, "free space on the target's disk"},
    {1037, ErrorClass::kRetry},  // out of memory
    {1038, ErrorClass::kRetry},
    {1040, ErrorClass::kReconnect},  // too many connections
    {1041, ErrorClass::kRetry},
    {1042, ErrorClass::kReconnect},
    {1043, ErrorClass::kReconnect},
    {1044, ErrorClass::kConfig, kGrant},
    {1045, ErrorClass::kConfig, kGrant},
    {1047, ErrorClass::kReconnect},  // Galera: not prepared for queries
    {1048, ErrorClass::kData, kSchemaDiffers},
    {1049, ErrorClass::kRefetch, kSchemaDiffers},
    {1053, ErrorClass::kCheck},  // shutdown in progress
    {1054, ErrorClass::kRefetch, kSchemaDiffers},
    {1062, ErrorClass::kData, kOtherWriter},
    {1114, ErrorClass::kRetryFew, "free space on the target's disk"},
    {1129, ErrorClass::kConfig, "FLUSH HOSTS at the target (too many failed connections)"},
    {1130, ErrorClass::kConfig, "allow this host in the target's account"},
    {1136, ErrorClass::kRefetch, kSchemaDiffers},
    {1142, ErrorClass::kConfig, kGrant},
    {1143, ErrorClass::kConfig, kGrant},
    {1146, ErrorClass::kRefetch, kSchemaDiffers},
    {1148, ErrorClass::kConfig},
    {1152, ErrorClass::kCheck},
    {1153, ErrorClass::kData, "raise max_allowed_packet at the target, then resume-task"},
    {1156, ErrorClass::kReconnect},
    {1158, ErrorClass::kCheck},
    {1159, ErrorClass::kCheck},
    {1160, ErrorClass::kCheck},
    {1161, ErrorClass::kCheck},
    {1180, ErrorClass::kCheck},  // got error during COMMIT
    {1184, ErrorClass::kReconnect},
    {1193, ErrorClass::kConfig},
    {1203, ErrorClass::kReconnect},
    {1205, ErrorClass::kRetry},
    {1206, ErrorClass::kRetry},
    {1213, ErrorClass::kRetry},
    {1226, ErrorClass::kReconnect},
    {1227, ErrorClass::kConfig, kGrant},
    {1231, ErrorClass::kConfig},
    {1238, ErrorClass::kConfig},
    {1290, ErrorClass::kConfig, kReadOnly},
    {1317, ErrorClass::kRetryFew},
    {1364, ErrorClass::kRefetch, kSchemaDiffers},
    {1396, ErrorClass::kConfig, kGrant},
    {1412, ErrorClass::kRetry},
    {1524, ErrorClass::kConfig},
    {1598, ErrorClass::kConfig, kRowFormat},
    {1615, ErrorClass::kRetry},
    {1621, ErrorClass::kConfig},
    {1637, ErrorClass::kRetry},
    {1665, ErrorClass::kConfig, kRowFormat},
    {1792, ErrorClass::kConfig, kReadOnly},
    {1836, ErrorClass::kConfig, kReadOnly},
    {1862, ErrorClass::kConfig, "the password of the target's account has expired"},
    {1927, ErrorClass::kCheck},  // MariaDB: connection was killed
    {1969, ErrorClass::kRetryFew, "max_statement_time ended a statement"},
    {3024, ErrorClass::kRetryFew, "max_execution_time ended a statement"},
    {3032, ErrorClass::kReconnect},  // server in offline mode
    {3100, ErrorClass::kCheck},
    {3101, ErrorClass::kRetry},  // group replication rolled it back
    {3159, ErrorClass::kConfig, "the target wants TLS: set security for it"},
    {3572, ErrorClass::kRetry},
    {4031, ErrorClass::kReconnect},
    {8001, ErrorClass::kRetryFew, kSmallerBatch},
    {8002, ErrorClass::kRetry},
    {8003, ErrorClass::kFatal, kDamaged},
    {8004, ErrorClass::kData, "lower the task's split size, or raise txn-total-size-limit"},
    {8005, ErrorClass::kRetry},
    {8020, ErrorClass::kRetry},
    {8022, ErrorClass::kRetry},
    {8025, ErrorClass::kData, kEntry},
    {8027, ErrorClass::kRefetch, kSchemaDiffers},
    {8028, ErrorClass::kRefetch, kSchemaDiffers},
    {8048, ErrorClass::kConfig},
    {8049, ErrorClass::kConfig},
    {8055, ErrorClass::kRetry},
    {8113, ErrorClass::kRefetch, kSchemaDiffers},
    {8120, ErrorClass::kRetry},
    {8121, ErrorClass::kConfig, kGrant},
    {8130, ErrorClass::kConfig},
    {8132, ErrorClass::kConfig},
    {8133, ErrorClass::kFatal, kDamaged},
    {8134, ErrorClass::kFatal, kDamaged},
    {8138, ErrorClass::kFatal, kDamaged},
    {8139, ErrorClass::kFatal, kDamaged},
    {8140, ErrorClass::kFatal, kDamaged},
    {8141, ErrorClass::kFatal, kDamaged},
    {8147, ErrorClass::kRetry},
    {8175, ErrorClass::kRetryFew, kSmallerBatch},
    {8176, ErrorClass::kRetryFew, kSmallerBatch},
    {8201, ErrorClass::kRetry},
    {8216, ErrorClass::kConfig, "allow_auto_random_explicit_insert could not be set"},
    {8220, ErrorClass::kConfig, "tidb_snapshot is set in the task's session variables"},
    {8223, ErrorClass::kFatal, kDamaged},
    {8229, ErrorClass::kRetryFew, kSmallerBatch},
    {8245, ErrorClass::kRefetch, kSchemaDiffers},
    {8248, ErrorClass::kConfig},
    {8249, ErrorClass::kConfig},
    {8250, ErrorClass::kConfig},
    {8251, ErrorClass::kConfig},
    {8252, ErrorClass::kRetry},
    {8253, ErrorClass::kConfig, "the target's runaway-query rules stopped the applier"},
    {8254, ErrorClass::kConfig, "the target's runaway-query rules stopped the applier"},
    {9001, ErrorClass::kRetry},
    {9002, ErrorClass::kCheck},
    {9003, ErrorClass::kRetry},
    {9004, ErrorClass::kRetry},
    {9005, ErrorClass::kCheck},
    {9006, ErrorClass::kRetry},
    {9007, ErrorClass::kRetry},
    {9008, ErrorClass::kRetry},
    {9010, ErrorClass::kRetry},
    {9011, ErrorClass::kRetry},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::code));

// Answers to COMMIT that leave no doubt: nothing was committed.
constexpr std::uint16_t kDecidedCommit[] = {1048, 1062, 1205, 1213, 8002, 8004, 8005,
                                            8022, 8025, 8027, 8028, 8141, 8147, 9007};

const Row* find(std::uint16_t code) {
  const Row* const found = std::ranges::lower_bound(kRows, code, {}, &Row::code);
  return found != std::end(kRows) && found->code == code ? found : nullptr;
}

}  // namespace

ErrorClass classify(const Error& error, bool answers_commit) {
  if (error.code() != Errc::kServer) return ErrorClass::kCheck;
  const std::uint16_t code = error.server_code();
  if (answers_commit && !std::ranges::binary_search(kDecidedCommit, code)) {
    return ErrorClass::kCheck;
  }
  if (code == 1105) {  // TiDB's "unknown": these two are the known ones
    const std::string_view text = error.text();
    const bool schema = text.find("Information schema is out of date") != std::string_view::npos ||
                        text.find("Information schema is changed") != std::string_view::npos;
    return schema ? ErrorClass::kRetry : ErrorClass::kData;
  }
  const Row* const row = find(code);
  return row != nullptr ? row->error_class : ErrorClass::kData;
}

const char* way_out(std::uint16_t server_code) {
  const Row* const row = find(server_code);
  return row != nullptr ? row->way_out : "";
}

}  // namespace tiderelay::applier
