// protocol/table_map.cc: TABLE_MAP, types and their metadata.
#include "protocol/table_map.h"

#include <algorithm>

namespace tiderelay::protocol {
namespace {

constexpr std::uint64_t kMaxColumns = 4096;

Error truncated(const char* part) {
  return Error(Errc::kTruncated, std::string("TABLE_MAP event ends inside its ") + part);
}

std::uint8_t decimal_bytes(std::uint16_t metadata) {
  constexpr std::uint8_t kBytesOfDigits[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
  const unsigned precision = metadata >> 8;
  const unsigned scale = metadata & 0xff;
  if (scale > precision) return 0;
  const unsigned whole = precision - scale;
  return static_cast<std::uint8_t>(whole / 9 * 4 + kBytesOfDigits[whole % 9] + scale / 9 * 4 +
                                   kBytesOfDigits[scale % 9]);
}

CellLayout fixed(unsigned bytes) { return {0, static_cast<std::uint8_t>(bytes), true}; }

CellLayout with_length(unsigned length_bytes) {
  return {static_cast<std::uint8_t>(length_bytes), 0, length_bytes >= 1 && length_bytes <= 4};
}

// CHAR and its like hide ENUM, SET and lengths above 255 in their two bytes of metadata.
void resolve_string(WireColumn& column, std::uint8_t real_type, std::uint8_t length) {
  const auto hidden = static_cast<ColumnType>(real_type);
  if (hidden == ColumnType::kEnum || hidden == ColumnType::kSet) {
    column.type = hidden;
    column.metadata = length;
    return;
  }
  column.type = ColumnType::kString;
  column.metadata = static_cast<std::uint16_t>(((real_type << 4 & 0x300) ^ 0x300) + length);
}

void decode_metadata(ByteReader& reader, WireColumn& column) {
  switch (column.type) {
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kTinyBlob:
    case ColumnType::kBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kGeometry:
    case ColumnType::kVector:
    case ColumnType::kJson:
    case ColumnType::kTime2:
    case ColumnType::kDateTime2:
    case ColumnType::kTimestamp2:
    case ColumnType::kMariaBlobCompressed:
      column.metadata = reader.u8();
      return;
    case ColumnType::kVarchar:
    case ColumnType::kMariaVarcharCompressed:
      column.metadata = reader.u16();
      return;
    case ColumnType::kBit: {
      const std::uint8_t odd_bits = reader.u8();
      const std::uint8_t whole_bytes = reader.u8();
      column.metadata = static_cast<std::uint16_t>(whole_bytes * 8 + odd_bits);
      return;
    }
    case ColumnType::kNewDecimal: {
      const std::uint8_t precision = reader.u8();
      column.metadata = static_cast<std::uint16_t>(precision << 8 | reader.u8());
      return;
    }
    case ColumnType::kString:
    case ColumnType::kVarString:
    case ColumnType::kEnum:
    case ColumnType::kSet: {
      const std::uint8_t real_type = reader.u8();
      resolve_string(column, real_type, reader.u8());
      return;
    }
    case ColumnType::kTypedArray: {
      WireColumn element;
      element.type = static_cast<ColumnType>(reader.u8());
      if (element.type == ColumnType::kVarchar) {
        reader.skip(3);
      } else if (element.type != ColumnType::kTypedArray) {
        decode_metadata(reader, element);
      }
      return;
    }
    default:
      return;  // no metadata
  }
}

bool is_numeric(ColumnType type) {
  switch (type) {
    case ColumnType::kDecimal:
    case ColumnType::kTiny:
    case ColumnType::kShort:
    case ColumnType::kInt24:
    case ColumnType::kLong:
    case ColumnType::kLongLong:
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kYear:
    case ColumnType::kNewDecimal:
      return true;
    default:
      return false;
  }
}

bool is_character(ColumnType type) {
  switch (type) {
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kString:
    case ColumnType::kTinyBlob:
    case ColumnType::kBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kMariaBlobCompressed:
    case ColumnType::kMariaVarcharCompressed:
      return true;
    default:
      return false;
  }
}

bool is_enum_or_set(ColumnType type) {
  return type == ColumnType::kEnum || type == ColumnType::kSet;
}

// Bits from the most significant one of the first byte.
bool bit_msb_first(ByteView bits, std::size_t index) {
  const std::size_t at = index / 8;
  return at < bits.size() && (std::to_integer<unsigned>(bits[at]) & (0x80U >> index % 8)) != 0;
}

class OptionalMetadata {
 public:
  explicit OptionalMetadata(TableMap& table) : table_(table) {}

  [[nodiscard]] bool decode(ByteReader& reader) {
    while (reader.ok() && reader.left() > 0) {
      const std::uint8_t field = reader.u8();
      const std::uint64_t size = reader.lenenc();
      ByteReader value(reader.take(size));
      if (!reader.ok()) return false;
      decode_field(field, value);
      if (!value.ok()) return false;
    }
    return reader.ok();
  }

 private:
  enum : std::uint8_t {
    kSignedness = 1,
    kDefaultCharset = 2,
    kColumnCharset = 3,
    kColumnName = 4,
    kSetValues = 5,
    kEnumValues = 6,
    kGeometryType = 7,
    kSimplePrimaryKey = 8,
    kPrimaryKeyWithPrefix = 9,
    kEnumAndSetDefaultCharset = 10,
    kEnumAndSetColumnCharset = 11,
    kVisibility = 12,
    kVectorDimensions = 13,
  };

  void decode_field(std::uint8_t field, ByteReader& value) {
    switch (field) {
      case kSignedness:
        return decode_signedness(value);
      case kDefaultCharset:
        return decode_default_charset(value, is_character);
      case kColumnCharset:
        return decode_column_charset(value, is_character);
      case kEnumAndSetDefaultCharset:
        return decode_default_charset(value, is_enum_or_set);
      case kEnumAndSetColumnCharset:
        return decode_column_charset(value, is_enum_or_set);
      case kColumnName:
        for (WireColumn& column : table_.columns) column.name = std::string(value.lenenc_text());
        return;
      case kSetValues:
        return decode_elements(value, ColumnType::kSet);
      case kEnumValues:
        return decode_elements(value, ColumnType::kEnum);
      case kGeometryType:
        return decode_numbers(value, table_.geometry_types);
      case kVectorDimensions:
        return decode_numbers(value, table_.vector_dimensions);
      case kSimplePrimaryKey:
        return decode_primary_key(value, false);
      case kPrimaryKeyWithPrefix:
        return decode_primary_key(value, true);
      case kVisibility:
        for (std::size_t i = 0; i < table_.columns.size(); ++i) {
          table_.visible.push_back(bit_msb_first(value.rest(), i));
        }
        return;
      default:
        return;  // of a newer server
    }
  }

  void decode_signedness(ByteReader& value) {
    std::size_t index = 0;
    for (WireColumn& column : table_.columns) {
      if (is_numeric(column.type)) column.is_unsigned = bit_msb_first(value.rest(), index++);
    }
    if (value.left() * 8 < index) value.fail();
  }

  // A default, then (index among the columns of the class, collation) for those that differ.
  template <class InClass>
  void decode_default_charset(ByteReader& value, InClass in_class) {
    std::vector<WireColumn*> members;
    for (WireColumn& column : table_.columns) {
      if (in_class(column.type)) members.push_back(&column);
    }
    const auto collation = static_cast<std::uint16_t>(value.lenenc());
    for (WireColumn* column : members) column->collation = collation;
    while (value.ok() && value.left() > 0) {
      const std::uint64_t index = value.lenenc();
      const auto other = static_cast<std::uint16_t>(value.lenenc());
      if (index >= members.size()) return value.fail();
      members[static_cast<std::size_t>(index)]->collation = other;
    }
  }

  template <class InClass>
  void decode_column_charset(ByteReader& value, InClass in_class) {
    for (WireColumn& column : table_.columns) {
      if (in_class(column.type)) column.collation = static_cast<std::uint16_t>(value.lenenc());
    }
  }

  void decode_elements(ByteReader& value, ColumnType type) {
    table_.elements.resize(table_.columns.size());
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      if (table_.columns[i].type != type) continue;
      const std::uint64_t count = value.lenenc();
      if (count > value.left()) return value.fail();
      for (std::uint64_t n = 0; n < count && value.ok(); ++n) {
        table_.elements[i].emplace_back(value.lenenc_text());
      }
    }
  }

  static void decode_numbers(ByteReader& value, std::vector<std::uint32_t>& numbers) {
    while (value.ok() && value.left() > 0) {
      numbers.push_back(static_cast<std::uint32_t>(value.lenenc()));
    }
  }

  void decode_primary_key(ByteReader& value, bool with_prefix) {
    while (value.ok() && value.left() > 0) {
      PrimaryKeyPart part;
      part.column = static_cast<std::uint32_t>(value.lenenc());
      if (with_prefix) part.prefix_length = static_cast<std::uint32_t>(value.lenenc());
      if (part.column >= table_.columns.size()) return value.fail();
      table_.primary_key.push_back(part);
    }
  }

  TableMap& table_;
};

std::uint64_t take_table_id(ByteReader& reader, std::uint8_t post_header_bytes) {
  return post_header_bytes == 6 ? reader.u32() : reader.u48();
}

Result<void> decode_columns(ByteReader& reader, TableMap& table) {
  const std::uint64_t count = reader.lenenc();
  const ByteView types = reader.take(count);
  if (!reader.ok() || count > kMaxColumns) return truncated("columns");
  const std::uint64_t metadata_bytes = reader.lenenc();
  ByteReader metadata(reader.take(metadata_bytes));
  table.columns.resize(types.size());
  table.layouts.resize(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    WireColumn& column = table.columns[i];
    column.type = static_cast<ColumnType>(types[i]);
    decode_metadata(metadata, column);
    table.layouts[i] = cell_layout(column);
    table.json_columns += column.type == ColumnType::kJson ? 1 : 0;
  }
  const ByteView nullable = reader.take((types.size() + 7) / 8);
  if (!reader.ok() || !metadata.ok()) return truncated("column metadata");
  if (metadata.left() != 0) {
    return Error(Errc::kCorrupt, "TABLE_MAP event has column metadata that no column takes");
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    const unsigned bits = std::to_integer<unsigned>(nullable[i / 8]);
    table.columns[i].nullable = (bits >> i % 8 & 1) != 0;
  }
  return {};
}

struct TypeName {
  ColumnType type;
  const char* name;
};

constexpr TypeName kTypeNames[] = {
    {ColumnType::kDecimal, "DECIMAL (before 5.0)"},
    {ColumnType::kTiny, "TINY"},
    {ColumnType::kShort, "SHORT"},
    {ColumnType::kLong, "LONG"},
    {ColumnType::kFloat, "FLOAT"},
    {ColumnType::kDouble, "DOUBLE"},
    {ColumnType::kNull, "NULL"},
    {ColumnType::kTimestamp, "TIMESTAMP"},
    {ColumnType::kLongLong, "LONGLONG"},
    {ColumnType::kInt24, "INT24"},
    {ColumnType::kDate, "DATE"},
    {ColumnType::kTime, "TIME"},
    {ColumnType::kDateTime, "DATETIME"},
    {ColumnType::kYear, "YEAR"},
    {ColumnType::kNewDate, "NEWDATE"},
    {ColumnType::kVarchar, "VARCHAR"},
    {ColumnType::kBit, "BIT"},
    {ColumnType::kTimestamp2, "TIMESTAMP2"},
    {ColumnType::kDateTime2, "DATETIME2"},
    {ColumnType::kTime2, "TIME2"},
    {ColumnType::kTypedArray, "TYPED_ARRAY"},
    {ColumnType::kMariaBlobCompressed, "BLOB COMPRESSED"},
    {ColumnType::kMariaVarcharCompressed, "VARCHAR COMPRESSED"},
    {ColumnType::kVector, "VECTOR"},
    {ColumnType::kInvalid, "INVALID"},
    {ColumnType::kBool, "BOOL"},
    {ColumnType::kJson, "JSON"},
    {ColumnType::kNewDecimal, "NEWDECIMAL"},
    {ColumnType::kEnum, "ENUM"},
    {ColumnType::kSet, "SET"},
    {ColumnType::kTinyBlob, "TINY_BLOB"},
    {ColumnType::kMediumBlob, "MEDIUM_BLOB"},
    {ColumnType::kLongBlob, "LONG_BLOB"},
    {ColumnType::kBlob, "BLOB"},
    {ColumnType::kVarString, "VAR_STRING"},
    {ColumnType::kString, "STRING"},
    {ColumnType::kGeometry, "GEOMETRY"},
};

}  // namespace

CellLayout cell_layout(const WireColumn& column) {
  const unsigned metadata = column.metadata;
  switch (column.type) {
    case ColumnType::kTiny:
    case ColumnType::kYear:
      return fixed(1);
    case ColumnType::kShort:
      return fixed(2);
    case ColumnType::kInt24:
    case ColumnType::kDate:
    case ColumnType::kNewDate:
    case ColumnType::kTime:
      return fixed(3);
    case ColumnType::kLong:
    case ColumnType::kTimestamp:
      return fixed(4);
    case ColumnType::kLongLong:
    case ColumnType::kDateTime:
      return fixed(8);
    case ColumnType::kNull:
      return fixed(0);
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kEnum:
    case ColumnType::kSet:
      return {0, static_cast<std::uint8_t>(metadata), metadata >= 1 && metadata <= 8};
    case ColumnType::kBit:
      return {0, static_cast<std::uint8_t>((metadata + 7) / 8), metadata >= 1 && metadata <= 64};
    case ColumnType::kNewDecimal: {
      const std::uint8_t bytes = decimal_bytes(column.metadata);
      return {0, bytes, bytes >= 1 && metadata >> 8 <= 81};
    }
    case ColumnType::kTimestamp2:
      return {0, static_cast<std::uint8_t>(4 + (metadata + 1) / 2), metadata <= 6};
    case ColumnType::kDateTime2:
      return {0, static_cast<std::uint8_t>(5 + (metadata + 1) / 2), metadata <= 6};
    case ColumnType::kTime2:
      return {0, static_cast<std::uint8_t>(3 + (metadata + 1) / 2), metadata <= 6};
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kString:
    case ColumnType::kMariaVarcharCompressed:
      return with_length(metadata > 255 ? 2 : 1);
    case ColumnType::kTinyBlob:
    case ColumnType::kBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kGeometry:
    case ColumnType::kVector:
    case ColumnType::kJson:
    case ColumnType::kMariaBlobCompressed:
      return with_length(metadata);
    default:
      return {0, 0, false};
  }
}

Result<std::uint64_t> decode_table_id(const EventView& event, const FormatDescription& format) {
  ByteReader reader(event.body);
  const std::uint64_t id = take_table_id(reader, format.post_header_bytes(event.header.type));
  if (!reader.ok()) {
    return Error(Errc::kTruncated,
                 event_type_name(event.header.type) + " event ends inside its table id");
  }
  return id;
}

Result<TableMap> decode_table_map(const EventView& event, const FormatDescription& format) {
  const std::uint8_t post_header_bytes = format.post_header_bytes(event_type::kTableMap);
  ByteReader reader(event.body);
  TableMap table;
  table.id = take_table_id(reader, post_header_bytes);
  table.flags = reader.u16();
  if (post_header_bytes > 8) reader.skip(post_header_bytes - 8U);
  const std::uint8_t schema_bytes = reader.u8();
  table.schema = std::string(reader.text(schema_bytes));
  reader.skip(1);
  const std::uint8_t table_bytes = reader.u8();
  table.table = std::string(reader.text(table_bytes));
  reader.skip(1);
  if (!reader.ok()) return truncated("names");
  if (table.id == kDummyTableId && reader.left() == 0) return table;
  const Result<void> columns = decode_columns(reader, table);
  if (!columns) return columns.error().in(table.schema + "." + table.table);
  if (!OptionalMetadata(table).decode(reader)) {
    return truncated("optional metadata").in(table.schema + "." + table.table);
  }
  return table;
}

Result<std::shared_ptr<const TableMap>> TableMapCache::put(const EventView& event,
                                                           const FormatDescription& format) {
  const Result<std::uint64_t> id = decode_table_id(event, format);
  if (!id) return id.error();
  if (*id == kDummyTableId) return std::shared_ptr<const TableMap>();
  const auto found = entries_.find(*id);
  if (found != entries_.end() && found->second.body == as_text(event.body)) {
    return found->second.table;
  }
  Result<TableMap> decoded = decode_table_map(event, format);
  if (!decoded) return decoded.error();
  if (entries_.size() >= kMaxEntries) entries_.clear();
  Entry entry{std::string(as_text(event.body)),
              std::make_shared<const TableMap>(std::move(*decoded))};
  return entries_.insert_or_assign(*id, std::move(entry)).first->second.table;
}

std::shared_ptr<const TableMap> TableMapCache::find(std::uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.table;
}

std::string column_type_name(ColumnType type) {
  const auto* found = std::find_if(std::begin(kTypeNames), std::end(kTypeNames),
                                   [type](const TypeName& row) { return row.type == type; });
  if (found != std::end(kTypeNames)) return found->name;
  return "type " + std::to_string(static_cast<int>(type));
}

}  // namespace tiderelay::protocol
