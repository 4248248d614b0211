// tests/fuzz/ddl_fuzz.cc: any text as statements of a source, a line each, the first byte says of
// which one: the definitions follow, or stay as they were and the error says why; they outlive a
// restart, are written so that they read back the same, and every change has its statements for
// each target.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "applier/schema_compare.h"
#include "applier/schema_sql.h"
#include "applier/schema_tracker.h"
#include "applier/statement_plan.h"
#include "base/check.h"
#include "base/utf8.h"

namespace {

using namespace tiderelay;           // NOLINT(google-build-using-namespace): a program of its own
using namespace tiderelay::applier;  // NOLINT(google-build-using-namespace)

constexpr std::uint8_t kMariaDb = 1;
constexpr std::uint8_t kAnsiQuotes = 2;
constexpr std::uint8_t kNoBackslashEscapes = 4;
constexpr std::uint8_t kLowerCaseNames = 8;

void plan_for_targets(const DdlStatement& statement, const StatementEffects& effects) {
  const auto route = [](const TableName& name) { return std::optional<TableName>(name); };
  for (const TargetKind kind : {TargetKind::kTidb, TargetKind::kMysql}) {
    Target target;
    target.kind = kind;
    target.version = kind == TargetKind::kTidb ? 80503 : 80031;
    const Result<StatementPlan> plan = plan_statement(statement, effects, target, route);
    if (!plan) CHECK(!plan.error().text().empty(), "an error says why");
  }
}

void follow(SchemaTracker& tracker, std::string_view sql, const ParseOptions& options) {
  const Result<DdlStatement> statement = parse_statement(sql, options);
  if (!statement) {
    CHECK(!statement.error().text().empty(), "an error says why");
    return;
  }
  const std::string before = tracker.snapshot();
  StatementSession session;
  session.schema = "d";
  const Result<StatementEffects> effects = tracker.apply(*statement, session);
  if (!effects) {
    CHECK(!effects.error().text().empty(), "an error says why");
    CHECK(tracker.snapshot() == before, "what is refused changes nothing");
    return;
  }
  plan_for_targets(*statement, *effects);
}

void check_written(const SchemaTracker& tracker) {
  const std::string snapshot = tracker.snapshot();
  SchemaTracker again(tracker.options());
  const Result<void> restored = again.restore(snapshot);
  CHECK(restored.has_value(), restored.error().text() + ": " + snapshot);
  CHECK(again.snapshot() == snapshot, "a snapshot holds everything");
  for (const TableName& name : tracker.tables()) {
    const TableSchema& table = *tracker.find(name);
    SchemaTracker read(tracker.options());
    const std::string sql = create_sql(table);
    const Result<void> done = read.read_table(name.schema, sql);
    CHECK(done.has_value(), sql);
    const std::shared_ptr<const TableSchema> found = read.find(name);
    CHECK(found != nullptr, sql);
    CHECK(fingerprint(*found) == fingerprint(table), sql);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || !tiderelay::is_utf8({reinterpret_cast<const char*>(data), size})) return 0;
  TrackerOptions server;
  server.dialect = (data[0] & kMariaDb) != 0 ? Dialect::kMariaDb : Dialect::kMySql;
  server.lower_case_table_names = (data[0] & kLowerCaseNames) != 0 ? 1 : 0;
  ParseOptions options;
  options.lex.dialect = server.dialect;
  options.lex.ansi_quotes = (data[0] & kAnsiQuotes) != 0;
  options.lex.no_backslash_escapes = (data[0] & kNoBackslashEscapes) != 0;
  SchemaTracker tracker(server);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    follow(tracker, rest.substr(0, end), options);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  check_written(tracker);
  return 0;
}
