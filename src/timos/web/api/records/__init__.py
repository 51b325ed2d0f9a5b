"""Reading and writing records, for every collection alike: the routes follow from the declaration.

{path}                 GET      for collections with days: list by range, a page at a time
{path}/{day}           GET PUT PATCH DELETE      (key: day)
{path}/{day}           GET      all kinds of a day      (key: day and kind)
{path}/{day}/<kind>    GET PUT PATCH DELETE
{path}                 GET PUT PATCH DELETE      (the one document of its sort)
"""
