// applier/conflict_key.cc: which parts of which keys can be computed, and their hashes.
#include "applier/conflict_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>

#include "applier/collation_fold.h"
#include "applier/conflict_mark.h"
#include "applier/key_hash.h"
#include "protocol/charset.h"

namespace tiderelay::applier {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_label(SqlType type) { return type == SqlType::kEnum || type == SqlType::kSet; }

void set_collation(ConflictPart& part, std::string collation) {
  const std::optional<protocol::Collation> known = protocol::find_collation(collation);
  part.compares_bytes = known && known->binary_weights;
  part.pads = !known || known->pad_space;
  part.folds = folds(collation);
  part.collation = std::move(collation);
}

// The form in which values of one column are equal when they are equal under `side`'s definition;
// nullopt: there is none (the target merges values in a way not computed here).
std::optional<ConflictPart> part_of(std::uint32_t at, const Column& source, const Column& side,
                                    std::uint32_t prefix) {
  ConflictPart part;
  part.column = at;
  part.prefix = prefix;
  const SqlType from = source.type;
  const SqlType to = side.type;
  if (is_text(from) && (is_text(to) || is_binary(to))) {
    part.form = KeyForm::kText;
    set_collation(part, is_text(to) ? side.collation : "binary");
    return part;
  }
  if (is_label(from)) {
    part.form = KeyForm::kInteger;
    if (from == to && source.elements == side.elements) return part;
    if (!is_text(to) && !is_label(to)) return std::nullopt;
    part.form = KeyForm::kLabel;
    set_collation(part, side.collation);
    return part;
  }
  if (is_binary(from)) {
    part.form = KeyForm::kBytes;
    if (is_binary(to)) return part;
    return std::nullopt;
  }
  part.prefix = 0;
  if ((is_integer(from) && is_integer(to)) || (from == SqlType::kBit && to == from) ||
      (from == SqlType::kYear && (to == from || is_integer(to)))) {
    part.form = KeyForm::kInteger;
    return part;
  }
  const bool same_precision = side.decimals >= source.decimals;
  if ((from == SqlType::kFloat && (to == from || to == SqlType::kDouble)) ||
      (from == SqlType::kDouble && to == from)) {
    part.form = KeyForm::kFloat;
    return part;
  }
  const bool moments = (from == SqlType::kDateTime || from == SqlType::kTimestamp) &&
                       (to == SqlType::kDateTime || to == SqlType::kTimestamp);
  const bool alike = from == to && (from == SqlType::kDecimal || from == SqlType::kTime);
  if ((alike || moments) && same_precision) {
    part.form = KeyForm::kCanonical;
    return part;
  }
  if (from == SqlType::kDate && to == from) {
    part.form = KeyForm::kCanonical;
    return part;
  }
  return std::nullopt;
}

class KeyMaker {
 public:
  explicit KeyMaker(const KeyContext& context) : context_(context) {}

  // Named by the target's table and columns, so that sources that share a table agree.
  ConflictKey unique_key(const Key& key, bool of_target) const {
    const TableName& table = context_.target->name;
    KeyHasher seed(1);
    seed.bytes(lower(table.schema));
    seed.bytes(lower(table.table));
    ConflictKey out;
    for (const KeyPart& part : key.parts) {
      const auto at = find(part.column, of_target);
      if (!at || !context_.columns[*at].logged) continue;
      const KeyColumn& column = context_.columns[*at];
      const Column& side = of_target ? *column.target : *column.source;
      const auto made = part_of(*at, *column.source, side, part.prefix_length);
      if (!made) continue;
      seed.bytes(lower(column.target != nullptr ? column.target->name : column.source->name));
      add(out, seed, *made);
    }
    out.seed = seed.finish();
    return out;
  }

  // Named by the parent on the source, which is where a foreign key is defined.
  ConflictKey reference(const TableName& parent, const std::vector<std::string>& parent_columns,
                        const std::vector<std::string>& own_columns) const {
    KeyHasher seed(2);
    seed.bytes(lower(parent.schema.empty() ? context_.source->name.schema : parent.schema));
    seed.bytes(lower(parent.table));
    ConflictKey out;
    for (std::size_t i = 0; i < own_columns.size() && i < parent_columns.size(); ++i) {
      const auto at = find(own_columns[i], false);
      if (!at || !context_.columns[*at].logged) continue;
      const Column& column = *context_.columns[*at].source;
      const auto made = part_of(*at, column, column, 0);
      if (!made) continue;
      seed.bytes(lower(parent_columns[i]));
      add(out, seed, *made);
    }
    out.seed = seed.finish();
    return out;
  }

  ConflictKey whole_row() const {
    KeyHasher seed(3);
    seed.bytes(context_.target->name.schema);
    seed.bytes(context_.target->name.table);
    ConflictKey out;
    out.null_conflicts = true;
    for (std::uint32_t at = 0; at < context_.columns.size(); ++at) {
      const KeyColumn& column = context_.columns[at];
      if (column.target == nullptr || column.target->generated != Generated::kNo) continue;
      using protocol::ColumnType;
      const ColumnType type = column.wire.type;
      // One value may have several images.
      if (type == ColumnType::kJson || type == ColumnType::kMariaBlobCompressed ||
          type == ColumnType::kMariaVarcharCompressed || !column.logged) {
        continue;
      }
      ConflictPart part;
      part.column = at;
      part.form = KeyForm::kRaw;
      out.parts.push_back(part);
    }
    out.seed = seed.finish();
    return out;
  }

 private:
  static void add(ConflictKey& out, KeyHasher& seed, const ConflictPart& part) {
    seed.number(static_cast<std::uint64_t>(part.form));
    seed.number(part.prefix);
    seed.bytes(part.collation);
    out.parts.push_back(part);
  }

  std::optional<std::uint32_t> find(std::string_view name, bool of_target) const {
    if (name.empty()) return std::nullopt;
    const std::string wanted = lower(name);
    for (std::uint32_t at = 0; at < context_.columns.size(); ++at) {
      const Column* side = of_target ? context_.columns[at].target : context_.columns[at].source;
      if (side != nullptr && lower(side->name) == wanted) return at;
    }
    return std::nullopt;
  }

  const KeyContext& context_;
};

bool cascades(const ForeignKey& key) {
  const auto moves = [](const std::string& rule) {
    return rule == "CASCADE" || rule == "SET NULL" || rule == "SET DEFAULT";
  };
  return moves(key.on_delete) || moves(key.on_update);
}

void cut_characters(std::string& utf8, std::size_t characters) {
  std::size_t at = 0;
  for (; at < utf8.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(utf8[at]) & 0xc0) != 0x80;
    if (starts && characters-- == 0) break;
  }
  utf8.resize(at);
}

// False: what it is equal to is not known.
bool append_text_key(std::string& out, const ConflictPart& part, std::string_view text) {
  if (!part.compares_bytes) return append_folded(out, text) && part.folds;
  while (part.pads && !text.empty() && text.back() == ' ') text.remove_suffix(1);
  out.append(text);
  return true;
}

bool append_text(std::string& out, const ConflictPart& part, const KeyColumn& column,
                 const protocol::Cell& cell) {
  std::string text;
  if (part.form == KeyForm::kLabel) {
    append_label(text, *column.source, cell_integer(column.wire, cell));
  } else if (!append_cell_text(text, column, cell)) {
    return false;  // no text of its charset: writing it will be refused by name
  }
  if (part.prefix != 0) cut_characters(text, part.prefix);
  return append_text_key(out, part, text);
}

void append_bytes(std::string& out, const ConflictPart& part, const KeyColumn& column,
                  const protocol::Cell& cell) {
  switch (part.form) {
    case KeyForm::kText:
    case KeyForm::kLabel:
      return;  // append_text()
    case KeyForm::kBytes: {
      std::string_view bytes = as_text(cell.bytes());
      if (part.prefix != 0) bytes = bytes.substr(0, part.prefix);
      while (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
      out.append(bytes);
      return;
    }
    case KeyForm::kCanonical: {
      const std::size_t from = out.size();
      if (!append_cell_text(out, column, cell)) return;
      if (out.find('.', from) == std::string::npos) return;
      while (out.back() == '0') out.pop_back();
      if (out.back() == '.') out.pop_back();
      return;
    }
    case KeyForm::kRaw:
      out.append(as_text(cell.bytes()));
      return;
    case KeyForm::kInteger:
    case KeyForm::kFloat: {
      std::uint64_t number = 0;
      if (part.form == KeyForm::kInteger) {
        number = cell_integer(column.wire, cell);
      } else {
        number = std::bit_cast<std::uint64_t>(cell_float(column.wire, cell) + 0.0);  // -0 + 0 = 0
      }
      out.append(reinterpret_cast<const char*>(&number), sizeof number);
      return;
    }
  }
}

}  // namespace

std::vector<ConflictKey> conflict_keys(const KeyContext& context, const Key* row_key,
                                       std::span<const std::vector<std::string>> referenced) {
  const KeyMaker maker(context);
  std::vector<ConflictKey> keys;
  const auto add = [&keys](ConflictKey key) {
    const auto same = [&key](const ConflictKey& other) { return other.seed == key.seed; };
    if (std::ranges::none_of(keys, same)) keys.push_back(std::move(key));
  };
  add(row_key != nullptr ? maker.unique_key(*row_key, true) : maker.whole_row());
  for (const Key& key : context.target->keys) {
    if (key.unique()) add(maker.unique_key(key, true));
  }
  for (const Key& key : context.source->keys) {
    if (key.unique()) add(maker.unique_key(key, false));
  }
  for (const ForeignKey& key : context.source->foreign_keys) {
    if (cascades(key)) add(maker.reference(key.parent, key.parent_columns, key.columns));
  }
  for (const std::vector<std::string>& columns : referenced) {
    add(maker.reference(context.source->name, columns, columns));
  }
  return keys;
}

bool key_is_exact(const KeyContext& context, const Key& key) {
  return KeyMaker(context).unique_key(key, true).parts.size() == key.parts.size();
}

bool unchanged(const ConflictKey& key, std::span<const protocol::Cell> before,
               std::span<const protocol::Cell> after) {
  return std::ranges::all_of(key.parts, [&](const ConflictPart& part) {
    const protocol::Cell& cell = after[part.column];
    return !cell.present() || cell.same_bytes(before[part.column]);
  });
}

Result<KeyMarks> key_marks(const ConflictKey& key, std::span<const KeyColumn> columns,
                           std::span<const protocol::Cell> image,
                           std::span<const protocol::Cell> overlay, std::string& scratch) {
  KeyHasher hasher(key.seed);
  bool grouped = false;
  bool known = true;
  for (const ConflictPart& part : key.parts) {
    const KeyColumn& column = columns[part.column];
    const protocol::Cell* cell = &image[part.column];
    if (!overlay.empty() && overlay[part.column].present()) cell = &overlay[part.column];
    if (!cell->present()) {
      return Error(Errc::kData, fmt::format("the row image lacks column '{}', which is part of a "
                                            "unique key",
                                            column.source->name));
    }
    if (cell->is_null()) {
      if (!key.null_conflicts) return KeyMarks();
      hasher.number(0x6e756c6c);
    } else if (part.form == KeyForm::kInteger) {
      hasher.number(cell_integer(column.wire, *cell));
    } else if (part.form == KeyForm::kRaw) {
      hasher.bytes(as_text(cell->bytes()));
    } else if (part.form == KeyForm::kText || part.form == KeyForm::kLabel) {
      scratch.clear();
      known = append_text(scratch, part, column, *cell) && known;
      grouped = grouped || !part.compares_bytes;
      hasher.bytes(scratch);
    } else {
      scratch.clear();
      append_bytes(scratch, part, column, *cell);
      hasher.bytes(scratch);
    }
  }
  KeyMarks marks;
  marks.value = conflict_mark(MarkKind::kValue, hasher.finish());
  if (grouped)
    marks.group = conflict_mark(known ? MarkKind::kShared : MarkKind::kExclusive, key.seed);
  return marks;
}

}  // namespace tiderelay::applier
