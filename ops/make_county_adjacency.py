#!/usr/bin/env python3
"""Makes warehouse/reference/geo_county_adjacency.csv from the file counties-10m.json of the npm package us-atlas 3.0.1.

    npm pack us-atlas@3.0.1 && tar xzf us-atlas-3.0.1.tgz
    ops/make_county_adjacency.py package/counties-10m.json > warehouse/reference/geo_county_adjacency.csv

Counties are neighbours where their outlines share an arc, a border of some length: counties that touch in a point are
none. Water parts nobody whom the Census Bureau's generalized outlines do not part: islands have no neighbours. A county's middle is the centroid of
its area, reckoned on longitude and latitude; west of the date line Alaska goes on below -180.
"""

import collections
import json
import sys

topology = json.load(open(sys.argv[1]))
scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]


def decode(arc):
    x = y = 0
    for dx, dy in arc:
        x, y = x + dx, y + dy
        yield x * scale[0] + translate[0], y * scale[1] + translate[1]


arcs = [list(decode(arc)) for arc in topology["arcs"]]


def ring(indices):
    points = []
    for index in indices:
        points += arcs[index] if index >= 0 else arcs[~index][::-1]
    return points


owners = collections.defaultdict(set)
middle = {}
for county in topology["objects"]["counties"]["geometries"]:
    fips = county["id"]
    polygons = county["arcs"] if county["type"] == "MultiPolygon" else [county["arcs"]]
    area = x_area = y_area = 0.0
    for polygon in polygons:
        for outline in polygon:
            for index in outline:
                owners[index if index >= 0 else ~index].add(fips)
            points = ring(outline)
            if fips[:2] == "02":
                points = [(x - 360 if x > 0 else x, y) for x, y in points]
            # Holes run the other way round, and so take their part off.
            for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
                cross = x0 * y1 - x1 * y0
                area += cross
                x_area += (x0 + x1) * cross
                y_area += (y0 + y1) * cross
    if area:
        middle[fips] = (x_area / (3 * area), y_area / (3 * area))
    else:
        # An islet that the simplified outlines leave no area.
        points = [point for polygon in polygons for outline in polygon for point in ring(outline)]
        print(fips, "has no area", file=sys.stderr)
        middle[fips] = tuple(sum(axis) / len(points) for axis in zip(*points)) if points else (float("nan"),) * 2

near = collections.defaultdict(set)
for sharers in owners.values():
    for one in sharers:
        near[one] |= sharers - {one}

print("county_fips,state_fips,longitude,latitude,neighbours")
for fips in sorted(middle):
    if fips[:2] < "60":  # the 50 states and the District of Columbia
        x, y = middle[fips]
        print(f"{fips},{fips[:2]},{x:.4f},{y:.4f},{' '.join(sorted(near[fips]))}")
