// conf/extra_args.h: `mydumpers.*.extra-args`: what a mydumper or dumpling command line asks for.
//
// Split on white space; one pair of quotes around a word is stripped. "-B a,b", "-Ba,b",
// "--database a,b" and "--database=a,b" are the same. Every argument is honoured, mapped, without
// effect (with its reason) or refused by name; nothing is skipped.
#pragma once

#include <string>

#include "conf/reader.h"
#include "conf/task_config.h"

namespace tiderelay::conf {

// Fills what the arguments say into `dump`; problems and notes are placed at `at`.
void read_extra_args(Reader& reader, const YamlNode& at, DumpConfig& dump);

}  // namespace tiderelay::conf
