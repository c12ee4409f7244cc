"""The images of one address space: which module an address belongs to, and its headers, read when first asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Optional

from livedump.images.image import Image, read_image
from livedump.model.addresses import Memory
from livedump.model.errors import DumpError, MemoryGap
from livedump.model.images import Module

FindImage = Callable[[Module], Optional[Memory]]
"""Gives the file of a module's image, by addresses relative to the image; None, or a DumpError, without one."""


class ModuleImages:
    """Modules by address, with the memory that their images are read from.

    ``memory`` is asked first; where it has a gap inside of a module, the image file that ``find_image`` gives is.
    """

    def __init__(self, memory: Memory, modules: Sequence[Module], find_image: FindImage | None) -> None:
        self._modules = sorted(modules, key=_module_base)
        self._bases = [module.base for module in self._modules]
        self._memory = memory
        self._find_image = find_image
        self._files: dict[int, Memory | None] = {}
        self._images: dict[int, Image | DumpError] = {}
        self.lowest = min(self._bases, default=0)
        self.highest = max((module.end for module in self._modules), default=0)

    def find_module(self, address: int) -> Module | None:
        """The module that ``address`` lies in."""
        index = bisect_right(self._bases, address) - 1
        return self._modules[index] if index >= 0 and address < self._modules[index].end else None

    def image(self, module: Module) -> Image:
        """The headers of a module's image.

        Raises:
            MemoryGap: a page of the headers is missing, in the dump and in the file.
            DamagedDump: these are no headers of an image.
        """
        if module.base not in self._images:
            self._images[module.base] = self._read_image(module)
        image = self._images[module.base]
        if isinstance(image, DumpError):
            raise image
        return image

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes at ``address``, of the dump or of the image file that belongs there. Raises MemoryGap."""
        try:
            return self._memory.read(address, size)
        except MemoryGap:
            found = self._read_file(address, size)
            if found is None:
                raise
        return found

    def _read_image(self, module: Module) -> Image | DumpError:
        try:
            return read_image(self, module.base)
        except DumpError as error:
            return error

    def _read_file(self, address: int, size: int) -> bytes | None:
        module = self.find_module(address)
        if module is None or self._find_image is None:
            return None
        if module.base not in self._files:
            self._files[module.base] = _find_file(self._find_image, module)
        file = self._files[module.base]
        try:
            return file.read(address - module.base, size) if file is not None else None
        except MemoryGap:
            return None


def _find_file(find_image: FindImage, module: Module) -> Memory | None:
    # Another build of the image would lead astray without a word.
    try:
        file = find_image(module)
        image = read_image(file, 0) if file is not None else None
    except DumpError:
        return None
    belongs = image is not None and image.size == module.size and module.timestamp in (None, image.timestamp)
    return file if belongs else None


def _module_base(module: Module) -> int:
    return module.base
