// conf/file_options.h: the root tables of the files, and how a file is read by one.
#pragma once

#include "conf/daemon_config.h"
#include "conf/endpoint_options.h"
#include "conf/option_table.h"
#include "conf/source_config.h"
#include "conf/task_config.h"

namespace tiderelay::conf {

const OptionTable<SourceConfig>& option_table(Tag<SourceConfig>);
const OptionTable<DaemonConfig>& option_table(Tag<DaemonConfig>);

// Also for sources and tasks that stand inline in another file. Problems and notes go to `reader`.
[[nodiscard]] SourceConfig read_source(Reader& reader, const YamlNode& root);
[[nodiscard]] TaskConfig read_task(Reader& reader, const YamlNode& root);
[[nodiscard]] const Section& task_section();

// Of a task or source: both are columns of the meta schema's tables.
inline constexpr std::size_t kNameBytesMax = 190;
void check_name(Reader& reader, const YamlNode& node, const std::string& name);

// "mysql-bin.000003"; a MySQL or MariaDB GTID set by its form
[[nodiscard]] bool looks_like_binlog_name(std::string_view text);
[[nodiscard]] bool looks_like_gtid_set(std::string_view text);

// Parses, reads and reports: what parse_source() and its kin have in common.
template <class T>
Result<T> read_file(std::string_view yaml, const std::string& file, const FileAccess& access,
                    std::vector<Problem>* problems, T (*read)(Reader&, const YamlNode&)) {
  Reader reader(file, access);
  const YamlNode root = parse_yaml(yaml, file, reader.problems());
  T config;
  if (reader.problems().empty() || root.kind != YamlNode::Kind::kNull) config = read(reader, root);
  if (problems != nullptr) *problems = reader.problems();
  if (!reader.problems().empty()) return to_error(reader.problems());
  config.notes = std::move(reader.notes());
  return config;
}

}  // namespace tiderelay::conf
