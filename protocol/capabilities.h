// protocol/capabilities.h: the bits of greeting and handshake response, of a status word, and the
// command bytes.
//
// Source: MySQL 8.0.40, include/mysql_com.h; MariaDB 10.11, include/mysql_com.h.
#pragma once

#include <cstdint>

namespace tiderelay::protocol {

inline constexpr std::uint32_t kLongPassword = 1U << 0;  // clear: MariaDB with capabilities beyond
inline constexpr std::uint32_t kFoundRows = 1U << 1;     // UPDATE counts matched, not changed rows
inline constexpr std::uint32_t kLongFlag = 1U << 2;
inline constexpr std::uint32_t kConnectWithDb = 1U << 3;
inline constexpr std::uint32_t kCompress = 1U << 5;  // zlib
inline constexpr std::uint32_t kLocalFiles = 1U << 7;
inline constexpr std::uint32_t kProtocol41 = 1U << 9;
inline constexpr std::uint32_t kSsl = 1U << 11;
inline constexpr std::uint32_t kTransactions = 1U << 13;
inline constexpr std::uint32_t kSecureConnection = 1U << 15;
inline constexpr std::uint32_t kMultiStatements = 1U << 16;
inline constexpr std::uint32_t kMultiResults = 1U << 17;
inline constexpr std::uint32_t kPsMultiResults = 1U << 18;
inline constexpr std::uint32_t kPluginAuth = 1U << 19;
inline constexpr std::uint32_t kConnectAttrs = 1U << 20;
inline constexpr std::uint32_t kPluginAuthLenenc = 1U << 21;
inline constexpr std::uint32_t kExpiredPasswords = 1U << 22;
inline constexpr std::uint32_t kSessionTrack = 1U << 23;  // never offered, never asked for
inline constexpr std::uint32_t kDeprecateEof = 1U << 24;
inline constexpr std::uint32_t kOptionalMetadata = 1U << 25;
inline constexpr std::uint32_t kZstd = 1U << 26;
inline constexpr std::uint32_t kQueryAttributes = 1U << 27;  // never offered, never asked for

inline constexpr std::uint16_t kStatusInTransaction = 1U << 0;
inline constexpr std::uint16_t kStatusAutocommit = 1U << 1;
inline constexpr std::uint16_t kStatusMoreResults = 1U << 3;

inline constexpr std::uint8_t kComQuit = 0x01;
inline constexpr std::uint8_t kComInitDb = 0x02;
inline constexpr std::uint8_t kComQuery = 0x03;
inline constexpr std::uint8_t kComStatistics = 0x09;
inline constexpr std::uint8_t kComPing = 0x0e;
inline constexpr std::uint8_t kComChangeUser = 0x11;
inline constexpr std::uint8_t kComBinlogDump = 0x12;
inline constexpr std::uint8_t kComRegisterSlave = 0x15;
inline constexpr std::uint8_t kComSetOption = 0x1b;
inline constexpr std::uint8_t kComBinlogDumpGtid = 0x1e;
inline constexpr std::uint8_t kComResetConnection = 0x1f;

inline constexpr std::uint16_t kBinlogDumpNonBlock = 0x0001;
inline constexpr std::uint16_t kBinlogDumpHeartbeatV2 = 0x0002;       // to MySQL
inline constexpr std::uint16_t kBinlogDumpSendAnnotateRows = 0x0002;  // to MariaDB

inline constexpr std::uint8_t kCollationUtf8mb4GeneralCi = 45;  // known to every server since 5.5
inline constexpr std::uint16_t kCollationBinary = 63;

}  // namespace tiderelay::protocol
