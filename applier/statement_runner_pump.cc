#include "applier/statement_runner.h"
namespace tiderelay::applier {
relay::Awaitable<std::vector<std::string>> StatementRunner::run(DdlEvent statement, std::string,
                                                                std::string,
                                                                std::map<TableName, TableWindow>) {
  co_return Error(Errc::kUnsupported, "statement " + statement.sql);
}
}  // namespace tiderelay::applier
