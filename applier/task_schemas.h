// applier/task_schemas.h: the definitions that a task works with: the source's tables as they were
// at the place that is being read, and the target's as they are.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "applier/log_source.h"
#include "applier/schema_tracker.h"

namespace tiderelay::applier {

class TaskSchemas final : public Definitions {
 public:
  explicit TaskSchemas(SchemaTracker tracker) : tracker_(std::move(tracker)) {}

  [[nodiscard]] const TableSchema* source_table(const TableName& source) override {
    last_found_ = tracker_.find(source);
    return last_found_.get();
  }
  [[nodiscard]] const TableSchema* target_table(const TableName& target) override {
    const auto found = targets_.find(target);
    return found == targets_.end() ? nullptr : &found->second;
  }

  [[nodiscard]] SchemaTracker& tracker() { return tracker_; }
  [[nodiscard]] const SchemaTracker& tracker() const { return tracker_; }
  // nullopt: the target has no such table.
  void set_target(const TableName& target, std::optional<TableSchema> schema) {
    if (schema) {
      targets_[target] = std::move(*schema);
    } else {
      targets_.erase(target);
    }
  }

 private:
  SchemaTracker tracker_;
  std::map<TableName, TableSchema> targets_;
  std::shared_ptr<const TableSchema> last_found_;  // what source_table() gave, until its next call
};

}  // namespace tiderelay::applier
