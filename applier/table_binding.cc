// applier/table_binding.cc: fits a source table to its target and says why where it does not fit.
#include "applier/table_binding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "applier/engine_rules.h"
#include "applier/sql_text.h"

namespace tiderelay::applier {
namespace {

using protocol::ColumnType;

constexpr const char* kFullImages =
    "run SET GLOBAL binlog_row_image = 'FULL' at the source (and in the sessions that set it "
    "themselves), then copy the table again";

bool same_name(std::string_view a, std::string_view b) {
  const auto equal = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  return std::ranges::equal(a, b, equal);
}

const Column* find_column(const TableSchema& schema, std::string_view name) {
  const auto named = [name](const Column& column) { return same_name(column.name, name); };
  const auto found = std::ranges::find_if(schema.columns, named);
  return found == schema.columns.end() ? nullptr : &*found;
}

std::string dotted(const TableName& name) { return name.schema + "." + name.table; }

// Which codes TABLE_MAP uses for a type. Types that are not listed travel as others do.
bool carries(ColumnType wire, SqlType type) {
  switch (type) {
    case SqlType::kTinyInt:
      return wire == ColumnType::kTiny || wire == ColumnType::kBool;
    case SqlType::kSmallInt:
      return wire == ColumnType::kShort;
    case SqlType::kMediumInt:
      return wire == ColumnType::kInt24;
    case SqlType::kInt:
      return wire == ColumnType::kLong;
    case SqlType::kBigInt:
      return wire == ColumnType::kLongLong;
    case SqlType::kDecimal:
      return wire == ColumnType::kNewDecimal || wire == ColumnType::kDecimal;
    case SqlType::kFloat:
      return wire == ColumnType::kFloat;
    case SqlType::kDouble:
      return wire == ColumnType::kDouble;
    case SqlType::kBit:
      return wire == ColumnType::kBit;
    case SqlType::kYear:
      return wire == ColumnType::kYear;
    case SqlType::kDate:
      return wire == ColumnType::kDate || wire == ColumnType::kNewDate;
    case SqlType::kTime:
      return wire == ColumnType::kTime || wire == ColumnType::kTime2;
    case SqlType::kDateTime:
      return wire == ColumnType::kDateTime || wire == ColumnType::kDateTime2;
    case SqlType::kTimestamp:
      return wire == ColumnType::kTimestamp || wire == ColumnType::kTimestamp2;
    case SqlType::kEnum:
      return wire == ColumnType::kEnum;
    case SqlType::kSet:
      return wire == ColumnType::kSet;
    case SqlType::kChar:
    case SqlType::kBinary:
      return wire == ColumnType::kString || wire == ColumnType::kVarString;
    case SqlType::kVarchar:
    case SqlType::kVarbinary:
      return wire == ColumnType::kVarchar || wire == ColumnType::kVarString ||
             wire == ColumnType::kMariaVarcharCompressed;
    case SqlType::kTinyText:
    case SqlType::kText:
    case SqlType::kMediumText:
    case SqlType::kLongText:
    case SqlType::kTinyBlob:
    case SqlType::kBlob:
    case SqlType::kMediumBlob:
    case SqlType::kLongBlob:
      return wire == ColumnType::kBlob || wire == ColumnType::kTinyBlob ||
             wire == ColumnType::kMediumBlob || wire == ColumnType::kLongBlob ||
             wire == ColumnType::kMariaBlobCompressed;
    default:
      return true;
  }
}

Literal literal_for(const Column& source, const Column& target) {
  if (source.type == SqlType::kEnum || source.type == SqlType::kSet) {
    const bool same = target.type == source.type && target.elements == source.elements;
    return same ? Literal::kPlain : Literal::kQuoted;
  }
  const bool number = source.type <= SqlType::kYear;
  return number && is_text(target.type) ? Literal::kQuoted : Literal::kPlain;
}

protocol::ValueContext value_context(const protocol::WireColumn& wire, const Column& source,
                                     const TargetInfo& target) {
  using Meaning = protocol::ValueContext::Meaning;
  protocol::ValueContext context;
  context.is_unsigned = wire.is_unsigned.value_or(source.is_unsigned);
  context.binary = is_binary(source.type);
  context.no_backslash_escapes = true;
  context.vector_as_bytes = target.kind == TargetKind::kMysql;
  if (source.type == SqlType::kUuid) context.meaning = Meaning::kUuid;
  if (source.type == SqlType::kInet) {
    context.meaning = same_name(source.type_text, "inet4") ? Meaning::kInet4 : Meaning::kInet6;
  }
  return context;
}

// The key's columns as indices of the image; empty if it is not a unique key of whole NOT NULL
// columns on this side.
std::vector<std::uint32_t> not_null_columns(const Key& key, std::span<const BoundColumn> columns,
                                            bool of_target) {
  std::vector<std::uint32_t> found;
  if (!key.unique()) return found;
  for (const KeyPart& part : key.parts) {
    if (part.column.empty() || part.prefix_length != 0) return {};
    const auto is_part = [&](const BoundColumn& column) {
      if (of_target && !column.target) return false;
      return same_name(of_target ? column.target->name : column.name, part.column);
    };
    const auto at = std::ranges::find_if(columns, is_part);
    if (at == columns.end()) return {};
    const Column& side = of_target ? *at->target : at->source;
    if (!side.not_null && key.kind != KeyKind::kPrimary) return {};
    found.push_back(static_cast<std::uint32_t>(at - columns.begin()));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

Result<std::shared_ptr<const TableBinding>> TableBinding::make(
    std::span<const protocol::WireColumn> wire, TableSchema source, TableSchema target,
    BindingOptions options) {
  std::shared_ptr<TableBinding> binding(new TableBinding());
  binding->source_ = std::move(source);
  binding->target_ = std::move(target);
  binding->options_ = std::move(options);
  binding->quoted_target_ = quoted_table(binding->target_.name);
  const Result<void> bound = binding->bind_columns(wire);
  if (!bound) return bound.error();
  const Result<void> fits = binding->check_target_columns();
  if (!fits) return fits.error();
  const Key* const row_key = binding->choose_match_key();
  const KeyContext context{&binding->source_, &binding->target_, binding->key_columns_};
  binding->keys_ = conflict_keys(context, row_key, binding->options_.referenced);
  return std::shared_ptr<const TableBinding>(std::move(binding));
}

Result<void> TableBinding::bind_columns(std::span<const protocol::WireColumn> wire) {
  const std::string table = dotted(source_.name);
  if (wire.size() != source_.columns.size()) {
    return Error(Errc::kDiverged,
                 fmt::format("the log's rows of {} have {} columns, the definition known at this "
                             "place has {}",
                             table, wire.size(), source_.columns.size()))
        .with_way_out(fmt::format("a DDL of {} was skipped or filtered before this place: set its "
                                  "definition with binlog-schema update, or copy the table again",
                                  table));
  }
  for (std::size_t i = 0; i < wire.size(); ++i) {
    BoundColumn column;
    column.source = source_.columns[i];
    column.name = column.source.name;
    if (!carries(wire[i].type, column.source.type)) {
      return Error(Errc::kDiverged,
                   fmt::format("column '{}' of {} is {} by the definition known at this place, but "
                               "the log's rows carry type code {}",
                               column.name, table, column.source.type_text,
                               static_cast<int>(wire[i].type)))
          .with_way_out(
              "a DDL was skipped or filtered before this place: set the table's "
              "definition with binlog-schema update, or copy the table again");
    }
    if (const Column* const there = find_column(target_, column.name)) {
      column.target = *there;
      column.quoted = quoted_name(there->name);
      column.written = there->generated == Generated::kNo;
      column.literal = literal_for(column.source, *there);
    } else if (column.source.generated == Generated::kNo) {
      return Error(Errc::kDiverged, fmt::format("the target table {} has no column '{}', which {} "
                                                "has on the source",
                                                dotted(target_.name), column.name, table))
          .with_way_out(fmt::format("ALTER TABLE {} ADD COLUMN {} {} at the target, then resume",
                                    quoted_table(target_.name), quoted_name(column.name),
                                    column.source.type_text));
    }
    if (column.written) written_.push_back(static_cast<std::uint32_t>(i));
    columns_.push_back(std::move(column));
  }
  for (std::size_t i = 0; i < wire.size(); ++i) {
    KeyColumn key_column;
    key_column.wire = wire[i];
    key_column.value = value_context(wire[i], columns_[i].source, options_.target);
    key_column.wire.is_unsigned = key_column.value.is_unsigned;
    if (is_text(columns_[i].source.type)) {
      Result<std::unique_ptr<protocol::CharsetConverter>> converter =
          protocol::open_converter(columns_[i].source.charset);
      if (!converter) {
        return converter.error().in(fmt::format("column '{}' of {}", columns_[i].name, table));
      }
      key_column.value.converter = converter->get();
      converters_.push_back(std::move(*converter));
    }
    key_column.source = &columns_[i].source;
    key_column.target = columns_[i].target ? &*columns_[i].target : nullptr;
    key_column.logged =
        options_.virtual_columns_logged || columns_[i].source.generated != Generated::kVirtual;
    key_columns_.push_back(std::move(key_column));
  }
  return {};
}

Result<void> TableBinding::check_target_columns() const {
  if (!is_transactional(target_)) return not_transactional(target_);
  for (const Column& column : target_.columns) {
    if (find_column(source_, column.name) != nullptr) continue;
    const bool fills_itself = !column.not_null || column.default_sql.has_value() ||
                              column.auto_increment || column.generated != Generated::kNo;
    if (fills_itself) continue;
    return Error(Errc::kDiverged,
                 fmt::format("column '{}' of the target table {} is NOT NULL without a default, "
                             "and {} has no such column on the source",
                             column.name, dotted(target_.name), dotted(source_.name)))
        .with_way_out(fmt::format("give it a default (ALTER TABLE {} ALTER COLUMN {} SET DEFAULT "
                                  "...) or drop it at the target, then resume",
                                  quoted_table(target_.name), quoted_name(column.name)));
  }
  return {};
}

const Key* TableBinding::choose_match_key() {
  std::vector<std::vector<std::uint32_t>> on_source;
  for (const Key& key : source_.keys) on_source.push_back(not_null_columns(key, columns_, false));

  const Key* chosen = nullptr;
  std::size_t unique_keys = 0;
  for (const Key& key : target_.keys) {
    if (!key.unique()) continue;
    ++unique_keys;
    for (const KeyPart& part : key.parts) {
      const auto is_part = [&](const BoundColumn& column) {
        return column.target && same_name(column.target->name, part.column);
      };
      const auto at = std::ranges::find_if(columns_, is_part);
      const bool known = !part.column.empty() && at != columns_.end() &&
                         key_columns_[static_cast<std::size_t>(at - columns_.begin())].logged;
      if (known) {
        at->unique = true;
      } else if (part.column.empty() ||
                 find_column(target_, part.column)->generated != Generated::kNo) {
        unique_values_hidden_ = true;
      }
    }
    const std::vector<std::uint32_t> columns = not_null_columns(key, columns_, true);
    if (columns.empty() || std::ranges::find(on_source, columns) == on_source.end()) continue;
    const KeyContext context{&source_, &target_, key_columns_};
    if (!key_is_exact(context, key)) continue;
    const bool better = chosen == nullptr || (chosen->kind != KeyKind::kPrimary &&
                                              key.parts.size() < chosen->parts.size());
    if (key.kind == KeyKind::kPrimary || better) {
      chosen = &key;
      match_columns_ = columns;
    }
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].unique) unique_columns_.push_back(static_cast<std::uint32_t>(i));
  }
  for (const Key& key : target_.keys) {
    if (key.parts.empty()) continue;
    for (BoundColumn& column : columns_) {
      if (column.target && same_name(column.target->name, key.parts.front().column)) {
        column.indexed = true;
      }
    }
  }
  wide_bits_ = options_.target.kind == TargetKind::kTidb &&
               std::ranges::any_of(columns_, [](const auto& at) {
                 return at.target && at.target->type == SqlType::kBit && at.target->length > 56;
               });
  sole_unique_key_ = chosen != nullptr && unique_keys == 1;
  return chosen;
}

Result<void> TableBinding::append_hashes(std::span<const protocol::Cell> before,
                                         std::span<const protocol::Cell> after, bool whole_images,
                                         std::string& scratch,
                                         std::vector<std::uint64_t>& out) const {
  const auto refuse = [this](const Error& error) {
    return error.in("table " + dotted(source_.name)).with_way_out(kFullImages);
  };
  if (whole_images && keyless()) {
    return Error(Errc::kUnsupported, "table " + dotted(source_.name) +
                                         " has no key that finds a row, so it cannot be replayed");
  }
  // An update's after-image may lack what did not change, unless the row is written as a whole.
  const bool needs_before = keyless() && !before.empty();
  const bool needs_after = !after.empty() && (whole_images || (keyless() && before.empty()));
  for (const std::uint32_t at : written_) {
    const bool lacks =
        (needs_before && !before[at].present()) || (needs_after && !after[at].present());
    if (!lacks || !key_columns_[at].logged) continue;
    return refuse(
        Error(Errc::kData, fmt::format("the row image lacks column '{}', and {}", columns_[at].name,
                                       keyless() ? "the table has no key that finds a row"
                                                 : "the table is still being copied")));
  }
  const std::size_t first = out.size();
  out.resize(first + 2, 0);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const ConflictKey& key = keys_[i];
    const auto take = [&](const KeyMarks& marks, std::size_t row) {
      if (i == 0) out[first + row] = marks.value;
      if (i > 0 && marks.value != 0) out.push_back(marks.value);
      if (marks.group != 0) out.push_back(marks.group);
    };
    std::uint64_t old_value = 0;
    if (!before.empty()) {
      const auto marks = key_marks(key, key_columns_, before, {}, scratch);
      if (!marks) return refuse(marks.error());
      old_value = marks->value;
      take(*marks, 0);
    }
    if (after.empty()) continue;
    if (!before.empty() && unchanged(key, before, after)) {
      if (i == 0) out[first + 1] = old_value;
      continue;
    }
    const auto marks = before.empty() ? key_marks(key, key_columns_, after, {}, scratch)
                                      : key_marks(key, key_columns_, before, after, scratch);
    if (!marks) return refuse(marks.error());
    take(*marks, 1);
  }
  return {};
}

bool TableBinding::same_row(std::span<const protocol::Cell> left,
                            std::span<const protocol::Cell> right) const {
  return std::ranges::all_of(match_columns_,
                             [&](std::uint32_t at) { return left[at].same_bytes(right[at]); });
}

bool TableBinding::same_layout(const TableBinding& other) const {
  if (this == &other) return true;
  const auto same_column = [](const KeyColumn& a, const KeyColumn& b) {
    return a.wire == b.wire && *a.source == *b.source;
  };
  return quoted_target_ == other.quoted_target_ && match_columns_ == other.match_columns_ &&
         std::ranges::equal(key_columns_, other.key_columns_, same_column);
}

std::string TableBinding::describe_row(std::span<const protocol::Cell> image) const {
  constexpr std::size_t kLongestValueBytes = 64;
  std::string text = dotted(target_.name) + " (";
  const std::vector<std::uint32_t>& shown = keyless() ? written_ : match_columns_;
  bool first = true;
  for (const std::uint32_t at : shown) {
    if (!first) text += ", ";
    first = false;
    text += columns_[at].name + " = ";
    if (!image[at].present()) {
      text += "?";
      continue;
    }
    if (image[at].is_null()) {
      text += "NULL";
      continue;
    }
    std::string value;
    if (!append_cell_text(value, key_columns_[at], image[at])) value = "not readable";
    if (value.size() > kLongestValueBytes) value = value.substr(0, kLongestValueBytes) + "...";
    text += value;
  }
  return text + ")";
}

}  // namespace tiderelay::applier
