// applier/task_selection.h: what a task takes of one source: lists, routes and filters together.
//
// All names are the source's; target_of() gives the target's. Answers are remembered: asking again
// is cheap.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "applier/ddl_parser.h"
#include "applier/event_filter.h"
#include "applier/log_source.h"
#include "applier/router.h"
#include "applier/table_filter.h"

namespace tiderelay::applier {

struct SelectionOptions {
  TableFilterOptions list;
  std::vector<RouteOptions> routes;
  std::vector<EventRuleOptions> filters;
  bool case_sensitive = false;
  ParseOptions parse;  // of the source: dialect and version
};

class TaskSelection final : public Selection {
 public:
  [[nodiscard]] static Result<TaskSelection> make(const SelectionOptions& options);

  [[nodiscard]] Result<std::optional<TableName>> target_of(const TableName& source) override;
  [[nodiscard]] Result<bool> drops_rows(const TableName& source, protocol::RowKind kind) override;
  [[nodiscard]] Result<bool> concerns(const DdlEvent& statement) override;
  // Of one that concerns the task: is it understood? false: a filter leaves it out. kUnsupported.
  [[nodiscard]] Result<bool> follows(const DdlEvent& statement) const;

  [[nodiscard]] const TableFilter& list() const { return list_; }
  [[nodiscard]] const Router& router() const { return router_; }
  // Of one parsed statement, with upstream names: is it to be executed? kPause is kData.
  [[nodiscard]] Result<bool> executes(const DdlStatement& statement,
                                      const std::string& schema) const;
  // The statement's tables that the task takes; an empty schema is the session's.
  [[nodiscard]] std::vector<TableName> taken_tables(const DdlStatement& statement,
                                                    const std::string& schema) const;
  [[nodiscard]] Result<DdlStatement> parse(const DdlEvent& statement) const;

 private:
  struct Fate {
    std::optional<TableName> target;
    bool drops[3] = {false, false, false};  // by RowKind
    std::string pauses[3];                  // the rule that says so
  };
  [[nodiscard]] Result<const Fate*> fate_of(const TableName& source);

  TableFilter list_;
  Router router_;
  EventFilter filter_;
  ParseOptions parse_;
  std::map<TableName, Fate> fates_;
};

}  // namespace tiderelay::applier
