// protocol/command.cc: see command.h.
#include "protocol/command.h"

#include "protocol/capabilities.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kReportTextMaxBytes = 60;

// Some clients send NUL bytes for an empty name, or end a name with one.
std::string without_nuls(std::string_view name) {
  return std::string(name.substr(0, name.find('\0')));
}

Error malformed(const char* what) {
  return Error(Errc::kCorrupt, std::string("malformed ") + what);
}

void put_short_text(ByteWriter& writer, std::string_view text) {
  const std::string_view cut = text.substr(0, kReportTextMaxBytes);
  writer.u8(cut.size()).text(cut);
}

}  // namespace

std::string encode_query(std::string_view sql) {
  std::string out;
  out.reserve(sql.size() + 1);
  ByteWriter(out).u8(kComQuery).text(sql);
  return out;
}

std::string encode_command(std::uint8_t command) {
  return std::string(1, static_cast<char>(command));
}

std::string encode(const RegisterReplica& command) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(kComRegisterSlave).u32(command.server_id);
  put_short_text(writer, command.host);
  put_short_text(writer, command.user);
  put_short_text(writer, command.password);
  writer.u16(command.port).u32(0).u32(0);
  return out;
}

Result<RegisterReplica> decode_register_replica(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  RegisterReplica command;
  command.server_id = reader.u32();
  command.host = reader.text(reader.u8());
  command.user = reader.text(reader.u8());
  command.password = reader.text(reader.u8());
  command.port = reader.u16();
  reader.skip(8);
  if (!reader.ok()) return malformed("COM_REGISTER_SLAVE");
  return command;
}

std::string encode(const BinlogDump& command) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(kComBinlogDump).u32(command.position).u16(command.flags).u32(command.server_id);
  writer.text(command.file);
  return out;
}

Result<BinlogDump> decode_binlog_dump(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  BinlogDump command;
  command.position = reader.u32();
  command.flags = reader.u16();
  command.server_id = reader.u32();
  if (!reader.ok()) return malformed("COM_BINLOG_DUMP");
  command.file = without_nuls(as_text(reader.rest()));
  return command;
}

std::string encode(const BinlogDumpGtid& command) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(kComBinlogDumpGtid).u16(command.flags).u32(command.server_id);
  writer.u32(command.file.size()).text(command.file).u64(command.position);
  writer.u32(command.gtid_set.size()).text(command.gtid_set);
  return out;
}

Result<BinlogDumpGtid> decode_binlog_dump_gtid(ByteView packet) {
  ByteReader reader(packet);
  reader.skip(1);
  BinlogDumpGtid command;
  command.flags = reader.u16();
  command.server_id = reader.u32();
  command.file = without_nuls(reader.text(reader.u32()));
  command.position = reader.u64();
  if (!reader.ok()) return malformed("COM_BINLOG_DUMP_GTID");
  if (reader.left() > 0) command.gtid_set = reader.text(reader.u32());  // some clients send no data
  if (!reader.ok()) return malformed("COM_BINLOG_DUMP_GTID");
  return command;
}

std::string encode_semi_sync_ack(std::uint64_t position, std::string_view file) {
  std::string out;
  ByteWriter(out).u8(kSemiSyncMagic).u64(position).text(file);
  return out;
}

}  // namespace tiderelay::protocol
