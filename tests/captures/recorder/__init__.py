# SPDX-License-Identifier: BSD-3-Clause
"""Records small captures from real kernel TCP stacks and real programs."""
