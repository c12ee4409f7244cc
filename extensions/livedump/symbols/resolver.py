"""Names for addresses of a set of modules, from PDBs, else from exports."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from livedump.images.image import find_pdb_identity, read_image
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, SymbolError
from livedump.model.images import Module, PdbIdentity
from livedump.model.layout import Layout
from livedump.model.symbol_lookups import SymbolLookup
from livedump.symbols.files.path import SymbolPath
from livedump.symbols.files.search import FileSearch
from livedump.symbols.files.store import StoreEntry, image_entry, pdb_entry
from livedump.symbols.shelf import PdbShelf

if TYPE_CHECKING:
    from livedump.images.exports import ExportTable
    from livedump.model.downloads import ProgressCallback
    from livedump.symbols.loaded import LoadedPdb

Value = TypeVar("Value")


class SymbolName(NamedTuple):
    """What stands at an address."""

    module: str | None
    """As the debugger names it; None outside of any module."""
    symbol: str | None
    """Undecorated; None when the module has no name to offer."""
    offset: int
    """Bytes behind the symbol, else behind the module's base, else the address itself."""

    def __str__(self) -> str:
        name = f"{self.module}!{self.symbol}" if self.symbol else self.module
        if name is None:
            return f"0x{self.offset:x}"
        return f"{name}+0x{self.offset:x}" if self.offset else name


class ModuleSymbols(NamedTuple):
    """What is known of one module's symbols after looking."""

    pdb: LoadedPdb | None
    exports: ExportTable | None
    status: str


class Symbolizer:
    """Answers by address and by module. A module's symbols are looked for when something in it is asked for."""

    def __init__(
        self,
        modules: Iterable[Module],
        search_path: SymbolPath,
        memory: Memory | None = None,
        progress: ProgressCallback | None = None,
        shelf: PdbShelf | None = None,
    ) -> None:
        """Looks for nothing yet; PDBs are taken from ``shelf`` and left open there when there is one."""
        self._modules: list[Module] = []
        self._bases: list[int] = []
        self.add(modules)
        self.search = FileSearch(search_path, progress)
        self._memory = memory
        self._symbols: dict[int, ModuleSymbols] = {}
        self._wanted: dict[int, StoreEntry | None] = {}
        self._shelf = shelf or PdbShelf()
        self._owns_shelf = shelf is None

    def add(self, modules: Iterable[Module]) -> None:
        """Takes in further modules; one at a base that is known already is left out."""
        known = set(self._bases)
        self._modules += [module for module in modules if module.base not in known]
        self._modules.sort(key=lambda module: module.base)
        self._bases = [module.base for module in self._modules]

    def close(self) -> None:
        """Gives all files back."""
        if self._owns_shelf:
            self._shelf.close()
        self._symbols.clear()

    def name(self, address: int) -> SymbolName:
        """The nearest name at or below ``address`` in its module."""
        module = self._module_at(address)
        if module is None:
            return SymbolName(None, None, address)
        rva = address - module.base
        return self._name_in(module, rva) or SymbolName(module.name, None, rva)

    def layout(self, module_name: str, type_name: str) -> Layout:
        """The structure or union of that name.

        Raises:
            SymbolError: there is none, or no PDB; the message says which and what was tried.
        """
        return _known(self._pdb_of(module_name).types().layout(type_name), module_name, type_name)

    def address_of(self, module_name: str, symbol: str) -> int:
        """Where a function or variable is.

        Raises:
            SymbolError: there is none, or no PDB; the message says which and what was tried.
        """
        rva = _known(self._pdb_of(module_name).find_rva(symbol), module_name, symbol)
        return self._module_named(module_name).base + rva

    def lookup(self, module: Module) -> SymbolLookup:
        """What happened when this module's symbols were looked for; they are looked for now if they were not yet."""
        symbols = self._symbols_of(module)
        entry = self._wanted.get(module.base)
        attempts = self.search.attempts.get(entry, ()) if entry else ()
        image = image_entry(module.image_name, module.timestamp or 0, module.size)
        more = self.search.attempts.get(image, ()) if image else ()
        wanted = f"{entry.name} {entry.key}" if entry else None
        found = str(symbols.pdb.path) if symbols.pdb else None
        return SymbolLookup(module.name, wanted, found, symbols.status, (*more, *attempts))

    def looked_for(self) -> tuple[Module, ...]:
        """The modules whose symbols were looked for."""
        return tuple(module for module in self._modules if module.base in self._symbols)

    def status(self, module: Module) -> str:
        """Where this module's names come from or, when there are none, why."""
        return self._symbols_of(module).status

    def _module_at(self, address: int) -> Module | None:
        index = bisect_right(self._bases, address) - 1
        module = self._modules[index] if index >= 0 else None
        return module if module and address < module.end else None

    def _name_in(self, module: Module, rva: int) -> SymbolName | None:
        symbols = self._symbols_of(module)
        if symbols.pdb:
            return self._name_in_pdb(module, symbols.pdb, rva)
        export = symbols.exports.find(rva) if symbols.exports else None
        if export is None:
            return None
        from livedump.symbols.names.undecorate import undecorate  # noqa: PLC0415

        return SymbolName(module.name, undecorate(export.name), rva - export.rva)

    def _name_in_pdb(self, module: Module, pdb: LoadedPdb, rva: int) -> SymbolName | None:
        try:
            found = pdb.find(rva)
        except SymbolError as error:
            self._symbols[module.base] = ModuleSymbols(None, None, str(error))
            return None
        return SymbolName(module.name, found.name, found.offset) if found else None

    def _pdb_of(self, module_name: str) -> LoadedPdb:
        symbols = self._symbols_of(self._module_named(module_name))
        if symbols.pdb is None:
            raise SymbolError(f"no PDB of {module_name}: {symbols.status}")
        return symbols.pdb

    def _module_named(self, module_name: str) -> Module:
        module = next((module for module in self._modules if module.name == module_name), None)
        if module is None:
            raise SymbolError(f"no module {module_name} is loaded")
        return module

    def _symbols_of(self, module: Module) -> ModuleSymbols:
        known = self._symbols.get(module.base)
        if known is None:
            known = self._symbols[module.base] = self._look_for(module)
        return known

    def _look_for(self, module: Module) -> ModuleSymbols:
        try:
            identity = self._identity_of(module)
            self._wanted[module.base] = pdb_entry(identity)
            pdb = self._shelf.load(identity, self.search)
        except SymbolError as error:
            return self._exports_of(module, str(error))
        return ModuleSymbols(pdb, None, f"PDB: {pdb.path}")

    def _identity_of(self, module: Module) -> PdbIdentity:
        """Which PDB belongs to the module: by the dump, else by the image itself when that is on the path."""
        identity = module.pdb or (find_pdb_identity(self._memory, module.base) if self._memory else None)
        return identity or self._identity_in_image(module)

    def _identity_in_image(self, module: Module) -> PdbIdentity:
        from livedump.symbols.files.image_file import find_image  # noqa: PLC0415 - most dumps tell themselves

        try:
            image = find_image(self.search, module)
        except SymbolError as error:
            raise SymbolError(f"the dump does not hold the page that names its PDB; {error}") from error
        try:
            identity = find_pdb_identity(image, 0)
        finally:
            image.close()
        if identity is None:
            raise SymbolError(f"{image.path} was linked without a PDB")
        return identity

    def _exports_of(self, module: Module, why: str) -> ModuleSymbols:
        from livedump.images.exports import ExportTable  # noqa: PLC0415 - for want of a PDB

        if self._memory is None:
            return ModuleSymbols(None, None, why)
        try:
            exports = ExportTable(self._memory, read_image(self._memory, module.base))
        except DumpError:
            return ModuleSymbols(None, None, why)
        return ModuleSymbols(None, exports, f"exports only; {why}")


def _known(found: Value | None, module_name: str, name: str) -> Value:
    if found is None:
        raise SymbolError(f"the PDB of {module_name} has no {name}")
    return found
